"""The dashboard as a person uses it: what it shows of a run, what its keys do, who may command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.journals import load, now_of
from tests.story import FAILURE, Story
from tests.ui.apps import LARGE, SMALL, TestApp, settled, shown, until
from tke_tui.core import events as ev
from tke_tui.screens.dashboard import DashboardScreen
from tke_tui.screens.done import DoneScreen
from tke_tui.screens.logs import LogsScreen
from tke_tui.screens.modals.host_key import HostKeyModal
from tke_tui.screens.modals.retry import RetryModal
from tke_tui.screens.modals.stop import StopModal
from tke_tui.screens.path import PathModal
from tke_tui.screens.step import StepScreen
from tke_tui.screens.task import TaskScreen

Make = Callable[..., TestApp]

KUBELET = "EnsureKubelet@10.0.0.13"
ASKED = ev.QuestionAsked(
    question="q1",
    topic="host_key",
    host="10.0.0.12",
    port=22,
    algorithm="ssh-ed25519",
    fingerprint="SHA256:0123456789abcdef",
)


@pytest.fixture
def dashboard(make: Make) -> Callable[..., TestApp]:
    """The app on a recorded journal."""

    def made(journal: str = "mid-run", **options: Any) -> TestApp:
        return make(start="dashboard", events=load(journal), now=now_of(journal), **options)

    return made


def top(app: TestApp) -> object:
    """The screen on top, whichever that is."""
    return app.screen


async def press(pilot: Pilot[Any], *keys: str) -> str:
    """Press keys; what is on the screen then."""
    await pilot.press(*keys)
    await settled(pilot)
    assert isinstance(pilot.app, TestApp)
    return shown(pilot.app)


async def tell(pilot: Pilot[Any], *events: ev.Event) -> str:
    """The engine tells something; what is on the screen then."""
    assert isinstance(pilot.app, TestApp)
    pilot.app.engine.feed(*events)
    await settled(pilot)
    return shown(pilot.app)


# --- what it shows ---------------------------------------------------------------------------------------------------


async def test_it_says_where_a_run_is(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = shown(app)
        assert "RUNNING  step 7/36  1:02" in text
        assert "19%  about 4 min left  27 of 115 tasks  3 running" in text
        assert "► Create global ⋯ 21/80" in text
        assert "3 Log  all machines" in text


async def test_a_larger_screen_says_what_decides_the_end(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=LARGE) as pilot:
        await settled(pilot)
        assert "What decides the end: EnsureKubelet on 10.0.0.11 ⋅ EnsureCNIPlugins" in shown(app)


async def test_p_shows_the_whole_chain(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = await press(pilot, "p")
        assert isinstance(top(app), PathModal)
        assert "1 ► EnsureKubelet" in text
        await press(pilot, "escape")
        assert isinstance(top(app), DashboardScreen)


async def test_time_passes_without_events(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard("retrying")
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert "retry 2/4 7 s" in shown(app)
        app.clock.now += 3
        await until(pilot, lambda: "retry 2/4 4 s" in shown(app))
        assert "1:19" in shown(app)


async def test_what_happens_is_shown_as_it_happens(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = await tell(
            pilot,
            ev.TaskSucceeded(task="EnsureKubelet@10.0.0.11", key="", seconds=4.0, at=app.clock.now),
            ev.TaskStarted(task="EnsureCNIPlugins@10.0.0.11", key="", at=app.clock.now),
        )
        assert "28 of 115 tasks" in text
        assert "22/80" in text


async def test_leftovers_of_the_plan_are_counted_and_listed_on_demand(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard("stopped")
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert "STOPPED  step" in shown(app)
        text = await press(pilot, "1", "G")
        assert "Install tke-gateway" not in text
        await press(pilot, "x", "end")
        view = app.view
        assert all(step.number for step in view.steps) or "Stop local registry" in shown(app)


# --- failures --------------------------------------------------------------------------------------------------------


async def test_a_failure_takes_the_place_of_the_log(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert "3 Log" in shown(app)
        failed = Story().fail(KUBELET).failing[KUBELET]
        text = await tell(pilot, failed)
        assert "3 Failure" in text
        assert "3 Log" not in text
        assert FAILURE.title in text
        assert "What to do: Look at its log" in text
        assert "$ systemctl restart kubelet  (exit code 1)" in text
        text = await tell(pilot, ev.TaskReset(task=KUBELET))
        assert "3 Log" in text
        assert FAILURE.title not in text


async def test_r_asks_what_to_retry_and_has_it_retried(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard("failed")
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(top(app), RetryModal))
        assert app.engine.commands == []
        await pilot.press("r")
        await until(pilot, lambda: app.engine.commands)
        assert app.engine.commands == [("retry", (KUBELET,))]


async def test_what_the_engine_refuses_is_told(dashboard: Callable[..., TestApp]) -> None:
    from tke_tui.client import Refused

    app = dashboard("failed")
    app.engine.refusals.append(Refused("Somebody else is in control", fix="Take over with T."))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(top(app), RetryModal))
        await pilot.press("r")
        await until(pilot, lambda: "Somebody else is in control" in shown(app))
        assert app.engine.commands == []


async def test_f_goes_to_each_failure_also_outside_the_matrix(dashboard: Callable[..., TestApp]) -> None:
    events = Story().fail(KUBELET, "EnsureDocker@10.0.0.11", "Push images").events()
    app = dashboard()
    app.engine.history[:] = events
    async with app.run_test(size=LARGE) as pilot:
        await settled(pilot)
        seen = set()
        for _ in range(len(app.view.failures)):
            await press(pilot, "1", "f")
            assert app.screen.query_one("#failure").failure is not None  # type: ignore[attr-defined]
            seen.add(app.screen.query_one("#failure").failure.task)  # type: ignore[attr-defined]
        assert seen == {failure.task for failure in app.view.failures}
        assert "Push images" in seen


async def test_f_says_when_there_is_nothing_to_go_to(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await settled(pilot)
        assert "Nothing has failed." in await press(pilot, "f")


async def test_enter_on_a_failed_cell_shows_command_exit_code_output_and_attempts(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard()
    app.engine.history[:] = Story().retry(KUBELET, times=2).fail(KUBELET).events()
    async with app.run_test(size=LARGE) as pilot:
        await settled(pilot)
        text = await press(pilot, "f", "enter")
        assert isinstance(top(app), TaskScreen)
        for expected in (
            "EnsureKubelet on 10.0.0.13",
            "FAILED after",
            "Command: systemctl restart kubelet",
            "Exit code: 1",
            "Job for kubelet.service failed",
            "Attempt 1:",
            "Attempt 2:",
            "the download broke off: connection reset by peer",
            "Remedy: Look at its log",
        ):
            assert expected in text
        await press(pilot, "escape")
        assert isinstance(top(app), DashboardScreen)


async def test_a_task_that_waits_says_what_for(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = await press(pilot, "g", "right", "right", "enter")
        assert isinstance(top(app), TaskScreen)
        assert "Waits for: EnsureKubelet on 10.0.0.11" in text
        now = app.clock.now
        done = ev.TaskSucceeded(task="EnsureKubelet@10.0.0.11", key="", seconds=4.0, at=now)
        text = await tell(pilot, done, ev.TaskStarted(task="EnsureCNIPlugins@10.0.0.11", key="", at=now))
        assert "running 0:00" in text
        assert "Waits for" not in text


# --- panes and screens -----------------------------------------------------------------------------------------------


async def test_numbers_go_to_the_panes_and_z_makes_one_large(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for key, pane in (("1", "steps"), ("2", "matrix"), ("3", "log")):
            await press(pilot, key)
            assert (
                app.screen.query_one(f"#{pane}").has_focus_within
                or app.screen.query_one(f"#{pane}").has_focus
            )
        text = await press(pilot, "1", "z")
        assert "2 Machines" not in text
        assert "3 Log" not in text
        assert app.screen.query_one("#steps").size.width > 70
        text = await press(pilot, "2")
        assert "2 Machines" in text
        assert "1 Steps" not in text
        text = await press(pilot, "escape")
        assert all(part in text for part in ("1 Steps", "2 Machines", "3 Log"))


async def test_a_slim_screen_shows_steps_or_matrix(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=(66, 20)) as pilot:
        await settled(pilot)
        assert "2 Machines" in shown(app)
        assert "1 Steps" not in shown(app)
        text = await press(pilot, "1")
        assert "1 Steps" in text
        assert "2 Machines" not in text


async def test_enter_on_a_step_opens_it(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await press(pilot, "1", "g", "j", "enter")
        assert isinstance(top(app), StepScreen)
        assert "Execute pre install hook" in shown(app)


async def test_l_opens_the_logs_of_the_machine_under_the_cursor(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    for node in ("", "10.0.0.11", "10.0.0.12", "10.0.0.13"):
        log = app.context.directory.node_log(node)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"2026-09-21T14:13:20Z EnsureDocker stdout | the log of {node or 'the installer'}\n")
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await until(pilot, lambda: "the log of 10.0.0.12" in shown(app))
        text = await press(pilot, "g", "j", "L")
        assert isinstance(top(app), LogsScreen)
        assert "the log of 10.0.0.12" in text
        assert "the log of 10.0.0.11" not in text
        await press(pilot, "escape")
        text = await press(pilot, "1", "l")
        assert "the log of 10.0.0.11" in text
        assert "the log of 10.0.0.12" in text


async def test_with_many_machines_the_log_is_that_of_the_one_under_the_cursor(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard("fifty")
    app.engine.history[:] = [event for event in load("fifty") if not isinstance(event, ev.TaskFailed)]
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = await press(pilot, "g", "j")
        assert "3 Log  10.0.0.12" in text
        assert "3 Log  10.0.0.13" in await press(pilot, "j")


# --- the engine ------------------------------------------------------------------------------------------------------


async def test_d_detaches_and_says_how_to_come_back(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("d")
    assert "attach" in app.farewell
    assert app.engine.commands == []


async def test_stopping_has_to_be_typed(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await press(pilot, "s")
        assert isinstance(top(app), StopModal)
        await press(pilot, "enter")
        assert app.engine.commands == []
        await pilot.press(*"stop", "enter")
        await until(pilot, lambda: app.engine.commands == [("stop",)])


async def test_whoever_only_watches_commands_nothing_until_taking_over(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard("failed", read_only=True)
    app.engine.feed(ev.ControlChanged(controller="root on pts/3 since 14:02", mine=False))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await settled(pilot)
        assert "Only watching: root on pts/3 since 14:02 is in control. Press T to take over." in shown(app)
        assert "You are only watching." in await press(pilot, "r")
        assert isinstance(top(app), DashboardScreen)
        assert app.engine.commands == []
        await pilot.press("T")
        await pilot.press("y")
        await until(pilot, lambda: app.engine.commands == [("take_control",)])
        await settled(pilot)
        await until(pilot, lambda: "Only watching" not in shown(app))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(top(app), RetryModal))


async def test_a_question_is_asked_and_the_answer_given(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.engine.feed(ASKED)
        await until(pilot, lambda: isinstance(top(app), HostKeyModal))
        await pilot.pause()
        assert ASKED.fingerprint in shown(app)
        await pilot.press("y")
        await until(pilot, lambda: app.engine.commands == [("answer", "q1", True)])
        await until(pilot, lambda: isinstance(top(app), DashboardScreen))


async def test_a_question_can_be_put_off_and_is_not_forgotten(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.engine.feed(ASKED)
        await until(pilot, lambda: isinstance(top(app), HostKeyModal))
        await pilot.press("escape")
        await until(pilot, lambda: "waits for your answer: press a" in shown(app))
        assert app.engine.commands == []
        await pilot.press("a")
        await until(pilot, lambda: isinstance(top(app), HostKeyModal))


async def test_a_question_that_somebody_else_answered_goes_away(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.engine.feed(ASKED)
        await until(pilot, lambda: isinstance(top(app), HostKeyModal))
        app.engine.feed(ev.QuestionAnswered(question="q1", yes=True))
        await until(pilot, lambda: isinstance(top(app), DashboardScreen))
        assert app.engine.commands == []


async def test_whoever_watches_is_not_asked(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard(read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = await tell(pilot, ASKED)
        assert isinstance(top(app), DashboardScreen)
        assert "waits for an answer of whoever is in control" in text


async def test_a_good_end_shows_the_result_once(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard("done")
    end = app.engine.history.pop()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.engine.feed(end)
        await until(pilot, lambda: isinstance(top(app), DoneScreen))
        text = await press(pilot, "escape")
        assert isinstance(top(app), DashboardScreen)
        assert "DONE  step 28/28" in text
        assert "Press v" in text
        await press(pilot, "v")
        assert isinstance(top(app), DoneScreen)


async def test_a_good_end_does_not_take_the_log_away_from_its_reader(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard("done")
    end = app.engine.history.pop()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await press(pilot, "3")
        text = await tell(pilot, end)
        assert isinstance(top(app), DashboardScreen)
        assert "The installation has ended well. Press v" in text


async def test_a_good_end_while_another_screen_is_read_is_told_on_return(
    dashboard: Callable[..., TestApp],
) -> None:
    app = dashboard("done")
    end = app.engine.history.pop()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await press(pilot, "1", "l")
        await tell(pilot, end)
        assert isinstance(top(app), LogsScreen)
        text = await press(pilot, "escape")
        assert isinstance(top(app), DashboardScreen)
        assert "The installation has ended well. Press v" in text


async def test_without_an_engine_nothing_is_called_running(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard()
    app.engine.alive = False
    app.engine.closed = True
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        text = shown(app)
        assert "3 running" not in text
        assert "3 stopped" in text
        assert "left" not in text.splitlines()[1]


async def test_where_there_is_room_the_log_goes_on_below_a_failure(dashboard: Callable[..., TestApp]) -> None:
    app = dashboard("failed")
    async with app.run_test(size=LARGE) as pilot:
        await settled(pilot)
        text = shown(app)
        assert text.index("3 Failure") < text.index("3 Log")
        text = await press(pilot, "3", "z")
        assert FAILURE.title in text
        assert "3 Log" not in text

"""The failure card: what it tells, and what each of its keys has the engine do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot

from tests.story import BEGIN, FAILURE, Story
from tests.ui.apps import LARGE, TestApp, settled, shown, until
from tests.ui.installed import PASSWORD, save_input
from tke_tui import app as app_module
from tke_tui.client import Refused
from tke_tui.core import events as ev
from tke_tui.screens.failure_actions import FailureActions, run_in_terminal
from tke_tui.screens.logs import LogsScreen
from tke_tui.screens.modals.confirm import ConfirmModal
from tke_tui.screens.modals.fix_login import FixLoginModal
from tke_tui.screens.modals.retry import RetryModal
from tke_tui.screens.modals.stop import StopModal
from tke_tui.screens.problem import ProblemModal
from tke_tui.widgets.failure_card import FailureCard
from tke_tui.widgets.log_pane import LogPane

Make = Callable[..., TestApp]
KUBELET = "EnsureKubelet@10.0.0.13"


class CardScreen(FailureActions):
    """Nothing but the card, on the first failure."""

    AUTO_FOCUS = "FailureCard"

    def body(self) -> ComposeResult:
        yield FailureCard(classes="pane")

    def on_view_changed(self) -> None:
        failures = self.app.view.failures
        card = self.query_one(FailureCard)
        if failures and card.failure is None:
            card.show(failures[0], failures)


@pytest.fixture(autouse=True)
def _only_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: CardScreen())


def failed(story: Story | None = None) -> list[ev.Event]:
    return (story or Story(3).fail(KUBELET)).events()


def skippable(events: Iterable[ev.Event], name: str) -> list[ev.Event]:
    """The same, with a plan in which a person may go on without that task."""
    return [
        replace(event, skippable=(*event.skippable, name)) if isinstance(event, ev.PlanReady) else event
        for event in events
    ]


async def on_card(pilot: Pilot[Any]) -> TestApp:
    """The app, with the focus on the card."""
    app = pilot.app
    assert isinstance(app, TestApp)
    await settled(pilot)
    await until(pilot, lambda: isinstance(app.focused, FailureCard))
    await pilot.pause()
    return app


def make_failed(make: Make, events: list[ev.Event] | None = None) -> TestApp:
    return make(start="dashboard", events=events or failed(), now=BEGIN + 300)


async def test_tells_what_why_what_to_do_what_was_seen_and_where(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE) as pilot:
        text = shown(await on_card(pilot))
        for part in (
            "EnsureKubelet on 10.0.0.13",
            "holds up",
            "kubelet does not start",
            "systemd gave up on it after 5 attempts",
            "What to do: Look at its log with: journalctl -u kubelet -n 50.",
            "$ systemctl restart kubelet  (exit code 1)",
            "Job for kubelet.service failed",
            "logs/10.0.0.13.log",
            "R retry all",
        ):
            assert part in text, text


async def test_machine_text_on_it_is_literal_and_harmless(make: Make) -> None:
    odd = replace(FAILURE, title="[red]title", detail="\x1b[2Jdetail", output=("[/b] \x07 out",))
    app = make_failed(make, failed(Story(3).fail(KUBELET, failure=odd)))
    async with app.run_test(size=LARGE) as pilot:
        text = shown(await on_card(pilot))
        assert "[red]title" in text
        assert "\\x1b[2Jdetail" in text
        assert "[/b] \\x07 out" in text


async def test_r_retries_all_with_the_same_cause_at_once(make: Make) -> None:
    story = Story(3).fail("EnsureKubelet@10.0.0.12", KUBELET)
    async with make_failed(make, failed(story)).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        assert "The same on 10.0.0.1" in shown(app)
        await pilot.press("r")
        await until(pilot, lambda: app.engine.commands)
        ((command, tasks),) = app.engine.commands
        assert (command, set(tasks)) == ("retry", {"EnsureKubelet@10.0.0.12", KUBELET})


async def test_capital_r_asks_which_of_all(make: Make) -> None:
    story = Story(3).fail(KUBELET)
    story.fail("EnsureKubeadm@10.0.0.12", failure=replace(FAILURE, title="kubeadm is damaged"))
    async with make_failed(make, failed(story)).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, RetryModal))
        await pilot.press("enter")
        await until(pilot, lambda: app.engine.commands)
        assert set(app.engine.commands[0][1]) == {KUBELET, "EnsureKubeadm@10.0.0.12"}


async def test_n_and_p_go_through_the_causes(make: Make) -> None:
    story = Story(3).fail(KUBELET)
    story.fail("EnsureKubeadm@10.0.0.12", failure=replace(FAILURE, title="kubeadm is damaged"))
    async with make_failed(make, failed(story)).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        card = app.screen.query_one(FailureCard)
        assert card.failure is not None
        first = card.failure.task
        assert "1 of 2" in shown(app)
        await pilot.press("n")
        await until(pilot, lambda: card.failure is not None and card.failure.task != first)
        await pilot.pause()
        assert "2 of 2" in shown(app)
        await pilot.press("p")
        await until(pilot, lambda: card.failure is not None and card.failure.task == first)


async def test_s_says_why_a_task_cannot_be_skipped(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE, notifications=True) as pilot:
        app = await on_card(pilot)
        await pilot.press("s")
        await until(pilot, lambda: "EnsureKubelet cannot be skipped" in shown(app))
        assert app.engine.commands == []


async def test_s_skips_after_a_question_that_is_answered_with_no_by_default(make: Make) -> None:
    events = skippable(failed(), "EnsureKubelet")
    async with make_failed(make, events).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmModal))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmModal))
        assert app.engine.commands == []
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmModal))
        await pilot.press("y")
        await until(pilot, lambda: app.engine.commands == [("skip", KUBELET)])


async def test_a_login_problem_leads_to_the_login(make: Make) -> None:
    refused = replace(FAILURE, title="10.0.0.13 refused the login", exit_code=3)
    app = make_failed(make, failed(Story(3).fail(KUBELET, failure=refused)))
    async with app.run_test(size=LARGE) as pilot:
        await on_card(pilot)
        assert "Press e to change how to log in to 10.0.0.13" in shown(app)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, FixLoginModal))


async def test_l_opens_the_log_at_what_the_task_wrote(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))
        await settled(pilot)
        window = app.screen.query_one(LogPane).pager.window
        assert (window.names, window.filter.task) == (("10.0.0.13",), "EnsureKubelet")


async def test_a_stops_everything_once_it_was_typed(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, StopModal))
        await pilot.press(*"stop", "enter")
        await until(pilot, lambda: app.engine.commands == [("stop",)])


async def test_what_the_engine_refuses_is_explained(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        app.engine.refusals.append(Refused("Somebody else is in control", fix="Take over first."))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ProblemModal))
        await pilot.pause()
        assert "Take over first." in shown(app)


async def test_who_only_watches_is_told_how_to_take_over(make: Make) -> None:
    app = make(start="dashboard", events=failed(), now=BEGIN + 300, read_only=True)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await on_card(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "only watching. Press T" in shown(app))
        assert app.engine.commands == []


# The shell


async def test_the_shell_runs_ssh_as_the_installation_logs_in(make: Make) -> None:
    """Without a terminal to give away, the command is told instead; it holds no secret."""
    app = make_failed(make, failed(Story(3).fail("EnsureKubelet@10.0.0.11")))
    save_input(app.context.directory)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await on_card(pilot)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "installer@10.0.0.11" in shown(app))
        assert PASSWORD not in shown(app)


async def test_an_unreadable_input_is_explained_instead_of_a_shell(make: Make) -> None:
    async with make_failed(make).run_test(size=LARGE) as pilot:
        app = await on_card(pilot)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, ProblemModal))


def test_a_command_in_the_terminal_is_said_before_it_runs(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run_in_terminal(["touch", str(tmp_path / "ran")], "This runs:")
    assert (tmp_path / "ran").exists()
    assert f"touch {tmp_path}/ran" in capfd.readouterr().out


def test_a_command_that_fails_or_is_not_there_waits_for_the_person(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def enter() -> str:
        asked.append("enter")
        return ""

    monkeypatch.setattr("builtins.input", enter)
    run_in_terminal(["false"], "This runs:")
    run_in_terminal(["tke-tui-no-such-command"], "This runs:")
    out = capfd.readouterr().out
    assert "exit code 1" in out
    assert "cannot be run: No such file" in out
    assert asked == ["enter", "enter"]

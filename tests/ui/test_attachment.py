"""The way between app and engine: pictures arrive at most four times a second, a lost engine is found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from tests.journals import load
from tests.story import Story
from tests.ui.apps import SMALL, TestApp, settled, shown, until
from tests.ui.fake_engine import FakeEngineClient
from tke_tui import app as app_module
from tke_tui import attachment
from tke_tui.client import EngineClient, EngineStatus
from tke_tui.core import events as ev
from tke_tui.core.errors import StateError
from tke_tui.core.paths import InstallDir
from tke_tui.screens.base import TkeModal, TkeScreen
from tke_tui.ui_messages import ViewChanged

Make = Callable[..., TestApp]


class CountingScreen(TkeScreen[None]):
    """Writes down what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[ViewChanged] = []

    def body(self) -> ComposeResult:
        yield Static("counting")

    def on_view_changed(self, message: ViewChanged) -> None:
        self.told.append(message)


class Dialog(TkeModal[None]):
    def compose(self) -> ComposeResult:
        yield Static("a dialog", classes="dialog")


@pytest.fixture(autouse=True)
def short_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: CountingScreen())
    monkeypatch.setattr(attachment, "PAUSES", (0.01,))


def counting(app: TestApp) -> CountingScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, CountingScreen)
    return screen


async def test_a_long_history_is_drawn_once_not_event_by_event(make: Make) -> None:
    events = load("done")
    app = make(start="dashboard", events=events)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert app.view.status == "success"
        assert app.view.seq == events[-1].seq
        assert len(counting(app).told) < 10


class SlowHistory(FakeEngineClient):
    """Tells the second half of its history when it is asked to, as a long one read from a disk."""

    def __init__(self, directory: InstallDir, events: Iterable[ev.Event]) -> None:
        super().__init__(directory, events)
        self.half_told = False
        self.go_on = asyncio.Event()

    async def events(self, after: int = 0) -> AsyncIterator[ev.Event]:
        count = 0
        async for event in super().events(after):
            yield event
            count += 1
            if count == len(self.history) // 2:
                self.half_told = True
                await self.go_on.wait()


async def test_nothing_is_drawn_of_a_history_that_is_half_told(make: Make, tmp_path: Path) -> None:
    engine = SlowHistory(InstallDir(tmp_path / "global"), load("done"))
    app = make(start="dashboard", engine=engine)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: engine.half_told and app.attachment is not None)
        await pilot.pause()
        assert app.view.status == "doing"
        assert not app.attached
        engine.go_on.set()
        await settled(pilot)
        assert [told.changes for told in counting(app).told] == [None]
        assert app.view.status == "success"


async def test_an_engine_that_waits_on_an_interrupted_run_says_so_until_it_goes_on(
    make: Make, tmp_path: Path
) -> None:
    engine = FakeEngineClient(InstallDir(tmp_path / "global"), Story().events(until=20))
    engine.fixed_status = EngineStatus(alive=True, phase="ended", run="doing")
    app = make(start="dashboard", engine=engine)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert app.view.interrupted
        assert "Ctrl+R continues" in app.banner
        assert not app.view.at_work
        assert app.check_action("start_again", ())
        # Somebody else continues it.
        engine.fixed_status = None
        engine.feed(ev.RunStarted(version="1", pid=7, tasks=3, resumed=True, at=app.clock.now))
        await until(pilot, lambda: not app.view.interrupted)
        await until(pilot, lambda: not app.banner)


async def test_a_status_that_knows_more_than_was_told_is_no_interruption(make: Make, tmp_path: Path) -> None:
    engine = FakeEngineClient(InstallDir(tmp_path / "global"), Story().events(until=20))
    engine.fixed_status = EngineStatus(alive=True, phase="ended", run="success")
    app = make(start="dashboard", engine=engine)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert not app.view.interrupted
        engine.feed(ev.RunStarted(version="1", pid=7, tasks=3, resumed=True, at=app.clock.now))
        await settled(pilot)
        assert not app.view.interrupted
        assert not app.banner


async def test_what_happens_later_is_folded_and_told(make: Make) -> None:
    app = make(start="dashboard", events=Story().events(until=20))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        before = len(counting(app).told)
        app.engine.feed(ev.Notice(level="warning", text="look out"))
        await until(pilot, lambda: app.view.notices)
        await until(pilot, lambda: len(counting(app).told) > before)
        changes = counting(app).told[-1].changes
        assert changes is not None
        assert changes.notices


async def test_a_screen_below_a_dialog_is_told_and_one_below_a_screen_is_not(make: Make) -> None:
    app = make(start="dashboard", events=Story().events(until=20))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await app.push_screen(Dialog())
        before = len(counting(app).told)
        app.engine.feed(ev.Notice(level="warning", text="one"))
        await until(pilot, lambda: len(counting(app).told) > before)
        await app.pop_screen()
        await app.push_screen(CountingScreen())
        await settled(pilot)
        before = len(counting(app).told)
        app.engine.feed(ev.Notice(level="warning", text="two"))
        await until(pilot, lambda: len(app.view.notices) == 2)
        await settled(pilot)
        assert len(counting(app).told) == before
        await app.pop_screen()
        await until(pilot, lambda: len(counting(app).told) > before)
        assert counting(app).told[-1].changes is None


async def test_a_lost_engine_is_told_the_picture_stays_and_it_is_found_again(make: Make) -> None:
    app = make(start="dashboard", events=Story().events(until=20))
    again = FakeEngineClient(app.context.directory, app.engine.history)
    again.feed(ev.Notice(level="info", text="I am back"))
    ways: list[EngineClient] = []

    async def attach() -> EngineClient:
        if not ways:
            raise StateError("not yet")
        return ways[0]

    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.context.attach = attach
        seen = app.view.seq
        app.engine.lose()
        await until(pilot, lambda: "Engine not answering" in shown(app))
        assert app.view.seq == seen
        ways.append(again)
        await until(pilot, lambda: app.client is again)
        await until(pilot, lambda: "Engine not answering" not in shown(app))
        await until(pilot, lambda: app.view.notices)
        assert app.view.seq == seen + 1
        assert app.view.engine_alive


async def test_without_an_engine_the_directory_is_shown_and_ctrl_r_starts_one(
    make: Make, tmp_path: Path
) -> None:
    class Directory(FakeEngineClient):
        """No engine lives: history, then the end."""

        async def events(self, after: int = 0):  # type: ignore[no-untyped-def]
            for event in self.history:
                self.told += 1
                if event.seq > after:
                    yield event

    place = InstallDir(tmp_path / "global")
    dead = Directory(place, Story().events(until=20))
    dead.alive = False
    app = make(start="dashboard", engine=dead)
    living = FakeEngineClient(place, dead.history)

    async def connect() -> EngineClient:
        return living

    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No engine is running" in shown(app))
        assert not app.view.engine_alive
        app.context.connect = connect
        await pilot.press("ctrl+r")
        await until(pilot, lambda: ("resume",) in living.commands)
        await until(pilot, lambda: "No engine is running" not in shown(app))


async def test_an_installation_begun_anew_begins_a_new_picture(make: Make) -> None:
    app = make(start="dashboard", events=load("done"))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.engine.history.clear()
        app.engine.history.extend(Story().events(until=10))
        app.engine.lose()
        app.engine.alive = True
        again = FakeEngineClient(app.context.directory, Story(5).events(until=10))

        async def attach() -> EngineClient:
            return again

        app.context.attach = attach
        app.attach(again)
        await until(pilot, lambda: len(app.view.nodes) == 5)
        assert app.view.status == "doing"


async def test_progress_that_comes_late_is_no_new_installation(make: Make) -> None:
    """Of two tasks that tell of their progress, the second one's may come before an older one of the first."""
    events = Story().events(until=60)
    last = max(event.seq for event in events)
    app = make(start="dashboard", events=events)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        nodes, running = app.view.nodes, app.view.counts
        for seq in (last + 5, last + 2):
            task = next(event.task for event in events if isinstance(event, ev.TaskStarted))
            app.engine.feed(ev.TaskProgress(seq=seq, at=events[-1].at, task=task, done=1, total=2))
        app.engine.feed(ev.Notice(seq=last + 6, at=events[-1].at, level="info", text="and on"))
        await until(pilot, lambda: len(app.view.notices) > 0)
        assert app.view.nodes == nodes
        assert app.view.counts == running
        assert app.view.seq == last + 6


async def test_an_engine_that_cannot_be_reached_at_the_start_ends_the_app_with_the_reason(make: Make) -> None:
    app = make(start="dashboard")

    async def attach() -> EngineClient:
        raise StateError("no installation here")

    app.context.attach = attach
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: not app.is_running or app.problem is not None)
        await asyncio.sleep(0)
    assert isinstance(app.problem, StateError)
    assert app.return_code == 2


@pytest.mark.parametrize("begin", [True, False])
async def test_the_installation_is_only_continued_when_that_was_asked_for(make: Make, begin: bool) -> None:
    app = make(start="dashboard", events=Story().fail("Preflight").events(), begin=begin)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
    assert (("resume",) in app.engine.commands) is begin


async def test_an_engine_at_work_is_not_told_to_go_on(make: Make) -> None:
    """It may listen to somebody else, and would refuse."""
    app = make(start="dashboard", events=Story().events(until=20), begin=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
    assert app.engine.commands == []


async def test_leaving_while_something_runs_tells_how_to_come_back(make: Make) -> None:
    app = make(start="dashboard", events=Story().events(until=20))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        app.leave()
        await pilot.pause()
    assert "tke-tui attach --dir" in app.farewell
    assert str(app.context.directory.root) in app.farewell
    assert app.engine.commands == []

"""The log pane as a person uses it: keys go in, the page and files come out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.apps import SMALL, TestApp, shown, until
from tke_tui import app as app_module
from tke_tui.core.paths import InstallDir
from tke_tui.log_sources import log_window
from tke_tui.screens.base import TkeScreen
from tke_tui.widgets import log_pane
from tke_tui.widgets.log_lines import LogLines
from tke_tui.widgets.log_pane import LogPane

Make = Callable[..., TestApp]


class PaneScreen(TkeScreen[None]):
    """Nothing but the log of one machine, or of several."""

    names: tuple[str, ...] = ("10.0.0.11",)
    AUTO_FOCUS = "LogLines"

    def body(self) -> ComposeResult:
        yield LogPane(log_window(self.context.directory, self.names), classes="pane")


class Log:
    """The log file of a machine of the installation that the app under test is about."""

    def __init__(self, root: Path, node: str = "10.0.0.11") -> None:
        self.path = InstallDir(root / "global").node_log(node)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.count = 0

    def add(self, *texts: str, stream: str = "stdout", task: str = "EnsureDocker") -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for text in texts:
                stamp = f"2026-01-31T08:{self.count // 60:02}:{self.count % 60:02}Z"
                file.write(f"{stamp} {task} {stream} | {text}\n")
                self.count += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pane, "TICK", 0.02)
    monkeypatch.setattr(log_pane, "BYTES_PER_SECOND", 1e9)
    monkeypatch.setattr(app_module, "_screen", lambda name: PaneScreen())


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def pane(pilot: Pilot[Any]) -> LogPane:
    return pilot.app.screen.query_one(LogPane)


def page(pilot: Pilot[Any]) -> list[str]:
    return [line.text for line in pane(pilot).pager.lines]


def current(pilot: Pilot[Any]) -> str:
    line = pane(pilot).pager.current
    return line.text if line is not None else ""


async def answer(pilot: Pilot[Any], key: str, text: str) -> None:
    """Press a key that asks for a text, and give it this one."""
    await pilot.press(key)
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


def screen_text(pilot: Pilot[Any]) -> str:
    assert isinstance(pilot.app, TestApp)
    return shown(pilot.app)


async def test_follows_a_log_that_grows(make: Make, log: Log) -> None:
    log.add("first")
    async with make().run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "first" in screen_text(pilot))
        log.add(*(f"line {number}" for number in range(100)))
        await until(pilot, lambda: "line 99" in screen_text(pilot))
        assert "line 1 " not in screen_text(pilot)
        assert "following" in screen_text(pilot)


async def test_a_log_that_is_not_there_yet_is_shown_once_it_is(make: Make, log: Log) -> None:
    async with make().run_test(size=SMALL) as pilot:
        await pilot.pause()
        log.add("at last")
        await until(pilot, lambda: "at last" in screen_text(pilot))


async def test_moving_up_stays_and_the_end_follows_again(make: Make, log: Log) -> None:
    log.add(*(f"line {number}" for number in range(100)))
    async with make().run_test(size=SMALL) as pilot:
        await pilot.press("up", "up")
        before = page(pilot)
        assert current(pilot) == "line 97"
        log.add("newer")
        await pilot.pause(0.1)
        assert page(pilot) == before
        assert "following" not in screen_text(pilot)
        await pilot.press("G")
        await pilot.pause()
        assert current(pilot) == "newer"
        assert "following" in screen_text(pilot)


async def test_pages_and_the_start(make: Make, log: Log) -> None:
    log.add(*(f"line {number}" for number in range(100)))
    async with make().run_test(size=SMALL) as pilot:
        await pilot.press("g")
        assert page(pilot)[0] == "line 0"
        height = len(page(pilot))
        await pilot.press("pagedown")
        assert page(pilot)[0] == f"line {height - 1}"
        await pilot.press("pageup")
        assert page(pilot)[0] == "line 0"
        await pilot.press("f")
        assert page(pilot)[-1] == "line 99"


async def test_finds_a_text_forwards_backwards_and_from_the_other_end(make: Make, log: Log) -> None:
    log.add(*(f"{'needle' if number % 40 == 5 else 'hay'} {number}" for number in range(100)))
    async with make().run_test(size=SMALL, notifications=True) as pilot:
        await answer(pilot, "slash", "needle")
        await until(pilot, lambda: current(pilot) == "needle 85")
        assert "/needle" in screen_text(pilot)
        await pilot.press("N")
        await until(pilot, lambda: current(pilot) == "needle 45")
        await pilot.press("n")
        await until(pilot, lambda: current(pilot) == "needle 85")
        await pilot.press("n")
        await until(pilot, lambda: current(pilot) == "needle 5")
        await until(pilot, lambda: "other end" in screen_text(pilot))


async def test_says_that_a_text_is_not_there(make: Make, log: Log) -> None:
    log.add("hay")
    async with make().run_test(size=SMALL, notifications=True) as pilot:
        await answer(pilot, "slash", "[b]")
        await until(pilot, lambda: "Not found: [b]" in screen_text(pilot))


async def test_filters_by_stream_and_task_and_shows_everything_again(make: Make, log: Log) -> None:
    for number in range(30):
        log.add(f"line {number}", stream="stderr" if number % 3 == 0 else "stdout")
    log.add("pulled", task="EnsureImages")
    async with make().run_test(size=SMALL) as pilot:
        await answer(pilot, "ampersand", "stream:stderr")
        assert page(pilot) == [f"line {number}" for number in range(0, 30, 3)]
        await pilot.pause()
        assert "only stream:stderr" in screen_text(pilot)
        log.add("more errors", stream="stderr")
        log.add("more output")
        await until(pilot, lambda: page(pilot)[-1] == "more errors")
        await answer(pilot, "ampersand", "task:*images")
        assert page(pilot) == ["pulled"]
        await answer(pilot, "ampersand", "")
        assert page(pilot)[-1] == "more output"


async def test_wraps_hides_times_and_moves_sideways(make: Make, log: Log) -> None:
    log.add("x" * 100 + " the end of it")
    async with make().run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "xxx" in screen_text(pilot))
        assert "the end of it" not in screen_text(pilot)
        await pilot.press(*["right"] * 5)
        await pilot.pause()
        assert "the end of it" in screen_text(pilot)
        await pilot.press(*["left"] * 5, "w")
        await pilot.pause()
        assert "the end of it" in screen_text(pilot)
        assert "EnsureDocker" in screen_text(pilot)
        stamped = screen_text(pilot).count(":00 ")
        await pilot.press("t")
        await pilot.pause()
        assert (stamped, screen_text(pilot).count(":00 ")) == (1, 0)


async def test_copies_a_line_and_a_selection_as_they_stand_in_the_file(make: Make, log: Log) -> None:
    log.add(*(f"line {number}" for number in range(40)))
    async with make().run_test(size=SMALL) as pilot:
        await pilot.press("y")
        assert pilot.app.clipboard == "2026-01-31T08:00:39Z EnsureDocker stdout | line 39"
        await pilot.press("v", "up", "up")
        await pilot.pause()
        assert "3 lines selected" in screen_text(pilot)
        await pilot.press("y")
        copied = pilot.app.clipboard.splitlines()
        assert [line.rpartition(" ")[2] for line in copied] == ["37", "38", "39"]
        await pilot.press("v", "escape")
        assert pane(pilot).pager.mark is None


async def test_saves_what_passes_the_filter_to_a_new_private_file(
    make: Make, log: Log, tmp_path: Path
) -> None:
    log.add("kept", stream="stderr")
    log.add("left out")
    target = tmp_path / "saved.log"
    async with make().run_test(size=SMALL, notifications=True) as pilot:
        await answer(pilot, "ampersand", "stream:stderr")
        await pilot.press("o")
        await pilot.pause()
        assert "save to: ~/tke-10.0.0.11.log" in screen_text(pilot)
        await pilot.press("escape")
        await answer(pilot, "o", str(target))
        await until(pilot, lambda: "Saved 1 line" in screen_text(pilot))
        assert target.read_text() == "2026-01-31T08:00:00Z EnsureDocker stderr | kept\n"
        assert target.stat().st_mode & 0o777 == 0o600
        await answer(pilot, "o", str(target))
        await until(pilot, lambda: "is there already" in screen_text(pilot))


async def test_escape_closes_the_line_that_asks_and_nothing_else(make: Make, log: Log) -> None:
    log.add("one")
    async with make().run_test(size=SMALL) as pilot:
        app: Any = pilot.app
        app.push_screen(PaneScreen())
        await pilot.pause()
        await pilot.press("slash", "w", "n", "escape")
        assert app.focused is pane(pilot).lines
        assert not pane(pilot).lines.wrap, "letters typed there are no keys of the pane"
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        assert len(app.screen_stack) == 1


async def test_text_of_machines_is_shown_literally(make: Make, log: Log) -> None:
    log.add("[bold]no markup[/bold] \x1b[31mred\x1b[0m \x1b]0;title\x07 连接被拒绝")
    async with make().run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "no markup" in screen_text(pilot))
        text = screen_text(pilot)
        assert "[bold]no markup[/bold] red \\x1b]0;title\\x07 连接被拒绝" in text
        assert all(line.isprintable() for line in text.splitlines())


async def test_merged_logs_name_the_machine_of_each_line(
    make: Make, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaneScreen, "names", ("", "10.0.0.11"))
    other = Log(tmp_path, "")
    other.count = 1
    log.add("of the machine", "third")
    other.add("of the installer")
    async with make().run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "third" in screen_text(pilot))
        assert page(pilot) == ["of the machine", "of the installer", "third"]
        assert "installer EnsureDocker" in screen_text(pilot)
        await pilot.press("up", "y")
        assert pilot.app.clipboard.startswith("installer 2026-")


async def test_the_mouse_wheel_moves_and_a_click_chooses(make: Make, log: Log) -> None:
    log.add(*(f"line {number}" for number in range(100)))
    async with make().run_test(size=SMALL) as pilot:
        await pilot.pause()
        first = page(pilot)[0]
        lines = pane(pilot).lines
        lines.post_message(events.MouseScrollUp(lines, 5, 5, 0, -1, 0, False, False, False))
        await pilot.pause()
        assert page(pilot)[0] != first
        await pilot.click(lines, offset=(5, 2))
        assert current(pilot) == page(pilot)[2]


async def test_only_rows_that_changed_are_drawn_again(
    make: Make, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add(*(f"line {number}" for number in range(100)))
    async with make().run_test(size=SMALL) as pilot:
        await pilot.press("up", "up")
        drawn: list[int] = []
        refresh = LogLines.refresh

        def noting(self: LogLines, *regions: Region, **options: Any) -> LogLines:
            drawn.extend(region.y for region in regions)
            return refresh(self, *regions, **options)

        monkeypatch.setattr(LogLines, "refresh", noting)
        row = pane(pilot).pager.cursor
        await pilot.press("up")
        assert sorted(drawn) == [row - 1, row]
        log.add("newer")
        await pilot.pause(0.1)
        assert sorted(drawn) == [row - 1, row], "nothing below the page is drawn"


async def test_logs_of_steps_with_blanks_in_their_names(make: Make, log: Log) -> None:
    log.add("from a step", task="Load images")
    log.add("from a handler")
    async with make().run_test(size=SMALL) as pilot:
        await answer(pilot, "ampersand", 'task:"Load images"')
        assert page(pilot) == ["from a step"]
        await pilot.pause()
        assert "Load images" in screen_text(pilot)

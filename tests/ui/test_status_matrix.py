"""The matrix alone: what it shows of many machines, how keys move in it, what it redraws."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from tests.journals import load, now_of
from tests.ui.apps import TestApp, shown
from tke_tui import app as app_module
from tke_tui.core import events as ev
from tke_tui.screens.base import TkeScreen
from tke_tui.symbols import State
from tke_tui.view_state import ViewState
from tke_tui.widgets.status_matrix import StatusMatrix

Make = Callable[..., TestApp]


class MatrixScreen(TkeScreen[None]):
    """Nothing but a matrix, with the messages it has posted."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[Any] = []

    def body(self) -> ComposeResult:
        yield StatusMatrix()

    def on_status_matrix_cell_selected(self, message: StatusMatrix.CellSelected) -> None:
        self.posted.append(message)

    def on_status_matrix_cell_highlighted(self, message: StatusMatrix.CellHighlighted) -> None:
        self.posted.append(message)


class Shown:
    """A matrix on the screen, fed by a view."""

    def __init__(self, pilot: Pilot[Any], view: ViewState, now: float) -> None:
        assert isinstance(pilot.app, TestApp)
        self.pilot, self.view, self.now, self.app = pilot, view, now, pilot.app
        screen = pilot.app.screen
        assert isinstance(screen, MatrixScreen)
        self.screen = screen
        self.matrix = screen.query_one(StatusMatrix)
        self.matrix.show(view.rows, view.handlers, view.cell, now)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def tell(self, *events: ev.Event) -> None:
        self.view.apply_all(events)
        self.matrix.update_cells(self.view.take_changes().cells, self.view.cell, self.now)
        await self.pilot.pause()

    @property
    def text(self) -> str:
        return shown(self.app)

    def line(self, start: str) -> str:
        """What is shown of a row, without its label."""
        return next(line[len(start) :].strip() for line in self.text.splitlines() if line.startswith(start))

    @property
    def here(self) -> tuple[str, str]:
        """Machine and handler under the cursor."""
        cell = self.matrix.selected
        return self.matrix.node, cell.name if cell is not None else ""


@pytest.fixture
def open_matrix(make: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(app_module, "_screen", lambda name: MatrixScreen())

    @asynccontextmanager
    async def opened(
        journal: str = "mid-run", size: tuple[int, int] = (52, 16), **app: Any
    ) -> AsyncIterator[Shown]:
        view = ViewState()
        view.apply_all(load(journal))
        view.take_changes()
        async with make(**app).run_test(size=(max(60, size[0]), size[1] + 2)) as pilot:
            found = Shown(pilot, view, now_of(journal))
            found.matrix.styles.width, found.matrix.styles.height = size
            await pilot.pause()
            yield found

    return opened


async def test_finished_columns_make_way_and_the_front_is_in_sight(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        assert shown_.line("10.0.0.11").startswith("5 done")
        assert shown_.line("10.0.0.11").endswith("running")
        assert shown_.line("cluster").startswith("1 done")
        assert "8 EnsureKubernetesImages" in shown_.text
        assert "10.0.0.13: running 0:13 - 3/7 k8s.gcr.io/coredns" in shown_.text


async def test_a_wide_screen_shows_every_column(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix(size=(160, 16)) as shown_:
        header = shown_.text.splitlines()[1]
        assert header.split() == [str(handler.number) for handler in shown_.view.handlers]


async def test_states_are_glyph_and_word(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty", size=(100, 40)) as shown_:
        assert "✘  !  !" in shown_.line("10.0.0.13")
        assert shown_.line("10.0.0.13").endswith("FAILED")
        assert shown_.line("10.0.0.21").endswith("retry 1/4 4 s")
        assert shown_.line("10.0.0.14").endswith("waiting")


async def test_ascii_needs_nothing_else(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty", size=(100, 40), ascii_only=True) as shown_:
        assert "X  !  !" in shown_.line("10.0.0.13")
        assert "\n".join(shown_.text.splitlines()[:-1]).isascii()


async def test_arrows_and_letters_move_the_cursor_within_bounds(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        await shown_.press("g", "home")
        assert shown_.here == ("10.0.0.11", "EnsureRegistryHosts")
        await shown_.press("left", "up", "h", "k")
        assert shown_.here == ("10.0.0.11", "EnsureRegistryHosts")
        await shown_.press("l", "right", "j", "down")
        assert shown_.here == ("10.0.0.13", "EnsureSysctl")
        await shown_.press("G", "end")
        assert shown_.matrix.node == ""
        assert f"{len(shown_.view.handlers)} " in shown_.text
        await shown_.press("l", "j")
        assert shown_.matrix.node == ""


async def test_moving_to_the_left_brings_back_what_made_way(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        assert "5 done" in shown_.line("10.0.0.11")
        await shown_.press("home")
        assert "5 done" not in shown_.line("10.0.0.11")
        assert shown_.text.splitlines()[1].split()[0] == "1"


async def test_the_cursor_stays_where_a_person_put_it(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        await shown_.press("g", "home", "right")
        before = shown_.here
        at = shown_.now + 5
        for node in ("10.0.0.11", "10.0.0.12"):
            await shown_.tell(ev.TaskSucceeded(task=f"EnsureKubelet@{node}", key="", seconds=1.0, at=at))
        assert shown_.here == before


async def test_the_cursor_follows_what_happens_until_then(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        assert shown_.here == ("10.0.0.13", "EnsureKubernetesImages")
        task = "EnsureKubernetesImages@10.0.0.13"
        await shown_.tell(ev.TaskSucceeded(task=task, key="", seconds=1.0, at=shown_.now + 5))
        assert shown_.here[1] == "EnsureKubelet"


async def test_it_follows_again_on_shift_f_which_is_offered_only_once_the_cursor_was_moved(
    open_matrix: Callable[..., Any],
) -> None:
    async with open_matrix(size=(120, 24)) as shown_:
        here = shown_.here
        assert "F follow" not in shown_.text
        await shown_.press("g", "home")
        assert shown_.here != here
        assert "F follow" in shown_.text
        await shown_.press("F")
        assert shown_.here == here
        assert "F follow" not in shown_.text
        task = "EnsureKubernetesImages@10.0.0.13"
        await shown_.tell(ev.TaskSucceeded(task=task, key="", seconds=1.0, at=shown_.now + 5))
        assert shown_.here[1] == "EnsureKubelet"


async def test_open_is_not_offered_where_a_handler_has_nothing_to_do(
    open_matrix: Callable[..., Any],
) -> None:
    async with open_matrix(size=(120, 24)) as shown_:
        assert "open" in shown_.text.splitlines()[-1]
        await shown_.press("G", "home")
        assert "cluster: nothing to do here" in shown_.text
        assert "open" not in shown_.text.splitlines()[-1]
        await shown_.press("g")
        assert "open" in shown_.text.splitlines()[-1]


async def test_rows_that_come_into_sight_later_are_followed_too(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty", size=(100, 10)) as shown_:
        shown_.matrix.show(shown_.view.rows, shown_.view.handlers, shown_.view.cell, shown_.now)
        small = shown_.here
        await shown_.pilot.resize_terminal(100, 60)
        await shown_.pilot.pause()
        assert shown_.here == ("10.0.0.13", "EnsureKubelet")
        if small != shown_.here:
            told = shown_.screen.posted[-1]
            assert isinstance(told, StatusMatrix.CellHighlighted)
            assert told.node == "10.0.0.13"


async def test_enter_opens_the_cell(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        await shown_.press("g", "enter")
        opened = shown_.screen.posted[-1]
        assert isinstance(opened, StatusMatrix.CellSelected)
        assert (opened.task, opened.node) == ("EnsureKubernetesImages@10.0.0.11", "10.0.0.11")
        posted = len(shown_.screen.posted)
        await shown_.press("G", "home", "enter")
        assert not any(
            isinstance(message, StatusMatrix.CellSelected) for message in shown_.screen.posted[posted:]
        )
        assert "cluster: nothing to do here" in shown_.text


async def test_f_goes_from_failure_to_failure_and_round(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty") as shown_:
        await shown_.press("g", "home", "f")
        assert shown_.here == ("10.0.0.13", "EnsureKubelet")
        await shown_.press("f")
        assert shown_.here == ("10.0.0.40", "EnsureKubeadm")
        assert "10.0.0.40" in shown_.text
        assert "FAILED after" in shown_.text
        await shown_.press("f")
        assert shown_.here == ("10.0.0.13", "EnsureKubelet")


async def test_the_key_for_failures_is_only_there_when_there_are_some(
    open_matrix: Callable[..., Any],
) -> None:
    async with open_matrix() as shown_:
        assert "next failure" not in shown_.text
        await shown_.tell(
            ev.TaskFailed(task="EnsureKubelet@10.0.0.11", key="", seconds=1.0, title="no space left")
        )
        shown_.app.refresh_bindings()
        await shown_.pilot.pause()
        assert "next failure" in shown_.text


async def test_a_changed_cell_redraws_that_cell_and_its_word_only(
    open_matrix: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_matrix("fifty", size=(100, 40)) as shown_:
        await shown_.press("g", "home")
        drawn: list[Region] = []
        refresh = shown_.matrix.refresh

        def noted(*regions: Region) -> None:
            drawn.extend(regions)
            refresh(*regions)

        monkeypatch.setattr(shown_.matrix, "refresh", noted)
        task = "EnsureKubelet@10.0.0.21"
        await shown_.tell(ev.TaskStarted(task=task, key="", attempt=2, at=shown_.now))
        assert shown_.line("10.0.0.21").endswith("running")
        assert drawn
        assert all(region.height == 1 for region in drawn)
        assert sum(region.area for region in drawn) < 25


async def test_time_moves_the_countdown(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty", size=(100, 40)) as shown_:
        shown_.matrix.tick(shown_.now + 2)
        await shown_.pilot.pause()
        assert shown_.line("10.0.0.21").endswith("retry 1/4 2 s")


async def test_many_machines_scroll_below_a_header_that_stays(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix("fifty", size=(100, 16)) as shown_:
        header = shown_.text.splitlines()[1]
        assert "10.0.0.60" not in shown_.text
        await shown_.press("G", "up")
        assert "10.0.0.60" in shown_.text
        assert "10.0.0.11 " not in shown_.text
        assert shown_.text.splitlines()[1].split()[0] == header.split()[0]
        await shown_.press("pageup")
        assert shown_.here[0] != "10.0.0.60"


async def test_the_terminals_own_cursor_is_where_the_reader_should_read(
    open_matrix: Callable[..., Any],
) -> None:
    async with open_matrix() as shown_:
        await shown_.press("g")
        x, y = shown_.app.cursor_position
        line = shown_.text.splitlines()[y]
        assert line.startswith("10.0.0.11")
        assert line[x] == "✔"


async def test_a_click_moves_and_a_second_one_opens(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix(size=(160, 16)) as shown_:
        line = next(line for line in shown_.text.splitlines() if line.startswith("10.0.0.12"))
        await shown_.pilot.click(StatusMatrix, offset=(line.index("►"), 2))
        await shown_.pilot.pause()
        assert shown_.here == ("10.0.0.12", "EnsureKubelet")
        await shown_.pilot.click(StatusMatrix, offset=(line.index("►"), 2), times=2)
        await shown_.pilot.pause()
        assert isinstance(shown_.screen.posted[-1], StatusMatrix.CellSelected)


async def test_host_names_are_never_markup(open_matrix: Callable[..., Any]) -> None:
    async with open_matrix() as shown_:
        evil = "[red]x[/]"
        rows = ((f"Do@{evil}", "Create", "Do", evil, "[b]do it[/b]"),)
        shown_.view.apply(ev.PlanReady(tasks=rows))
        shown_.matrix.show(shown_.view.rows, shown_.view.handlers, shown_.view.cell, 0.0)
        await shown_.pilot.pause()
        assert evil in shown_.text
        assert "[b]do it[/b]" in shown_.text
        cell = shown_.matrix.selected
        assert cell is not None
        assert cell.state is State.PENDING

"""What one changed cell costs at 50 machines x 30 handlers: the matrix against Textual's `DataTable`.

Both run headless in the same process, in turns: change a cell, wait until the screen is settled. Processor time,
as most of that wait is for the next frame. A changed cell of the matrix is a changed task, folded in by `ViewState`,
words and counts of the row included.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from bench.ui_report import Figure
from tests.story import BEGIN
from tke_tui.app_context import AppContext
from tke_tui.core import events as ev
from tke_tui.core.paths import InstallDir
from tke_tui.view_state import ViewState
from tke_tui.widgets.status_matrix import StatusMatrix

ROWS, COLUMNS = 50, 30
SIZE = (160, 60)
"""All rows and columns are in sight."""

ROUNDS = 2
UPDATES = 20
"""Per round and app."""

LIMIT = 1 / 50


class MatrixApp(App[None]):
    """The product's matrix on a plan of its own."""

    def __init__(self) -> None:
        super().__init__()

        async def connect() -> object:
            raise RuntimeError("there is no engine here")

        self.context = AppContext(InstallDir.__new__(InstallDir), connect, connect)  # type: ignore[arg-type]
        self.view = ViewState()
        self.view.apply(ev.PlanReady(tasks=_plan()))
        self.view.take_changes()

    def compose(self) -> ComposeResult:
        yield StatusMatrix()

    def on_mount(self) -> None:
        view = self.view
        self.query_one(StatusMatrix).show(view.rows, view.handlers, view.cell, BEGIN)

    def change(self, number: int) -> None:
        """One task begins or ends."""
        row, column = number * 7 % ROWS, number * 11 % COLUMNS
        task = f"Ensure{column}@10.0.0.{row}"
        event: ev.Event = ev.TaskStarted(task=task, key="", at=BEGIN)
        if number % 2:
            event = ev.TaskSucceeded(task=task, key="", seconds=1.0, at=BEGIN)
        self.view.apply(event)
        self.query_one(StatusMatrix).update_cells(self.view.take_changes().cells, self.view.cell, BEGIN)


class TableApp(App[None]):
    """The same as a `DataTable`."""

    def compose(self) -> ComposeResult:
        yield DataTable()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_column("", key="name")
        for column in range(COLUMNS):
            table.add_column(str(column + 1), key=str(column))
        for row in range(ROWS):
            table.add_row(f"10.0.0.{row}", *["-"] * COLUMNS, key=str(row))

    def change(self, number: int) -> None:
        """One cell shows something else."""
        row, column = number * 7 % ROWS, number * 11 % COLUMNS
        self.query_one(DataTable).update_cell(str(row), str(column), "✔" if number % 2 else "►")


def _plan() -> tuple[tuple[str, ...], ...]:
    return tuple(
        (f"Ensure{column}@10.0.0.{row}", "Create", f"Ensure{column}", f"10.0.0.{row}", "Ensure it")
        for column in range(COLUMNS)
        for row in range(ROWS)
    )


async def measure() -> list[Figure]:
    """Milliseconds per change of both, and the ratio of their medians."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        matrix, table = MatrixApp(), TableApp()
        async with matrix.run_test(size=SIZE) as pilot:
            ours += await _times(matrix.change, pilot.pause)
        async with table.run_test(size=SIZE) as pilot:
            theirs += await _times(table.change, pilot.pause)
    median, their_median = statistics.median(ours), statistics.median(theirs)
    size = f"{ROWS}x{COLUMNS}"
    return [
        Figure(f"a changed cell at {size}, DataTable", their_median * 1000, unit="ms"),
        Figure(f"a changed cell at {size}, matrix", median * 1000, unit="ms", note="with folding the event"),
        Figure(f"a changed cell at {size}, matrix / DataTable", median / their_median, LIMIT),
    ]


async def _times(change: Callable[[int], None], settle: Callable[[], Awaitable[None]]) -> list[float]:
    await settle()
    times: list[float] = []
    for number in range(UPDATES):
        started = time.process_time()
        change(number)
        await settle()
        times.append(time.process_time() - started)
    return times


def main() -> None:
    for figure in asyncio.run(measure()):
        print(figure)


if __name__ == "__main__":
    main()

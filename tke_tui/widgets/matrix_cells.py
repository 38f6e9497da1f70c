"""The cells of the matrix, with what has to be known of whole columns: where something is open, what has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tke_tui.symbols import State
from tke_tui.view_types import ENDED, Cell
from tke_tui.widgets.matrix_words import WORST

CellAt = Callable[[int, int], Cell | None]
"""Row and column to a cell; None where a handler has nothing to do."""

Place = tuple[int, int]
"""Row and column."""


class MatrixCells:
    """`rows` are machines ("" = the cluster as a whole); `failed` is how many cells have."""

    def __init__(
        self, rows: Sequence[str] = (), columns: int = 0, at: CellAt = lambda row, column: None
    ) -> None:
        self.rows = tuple(rows)
        self._cells = [[at(row, column) for column in range(columns)] for row in range(len(rows))]
        self._open = [sum(_is_open(cells[column]) for cells in self._cells) for column in range(columns)]
        self.failed = sum(_is_failed(cell) for cells in self._cells for cell in cells)

    def __getitem__(self, row: int) -> Sequence[Cell | None]:
        """The cells of a row."""
        return self._cells[row]

    def put(self, row: int, column: int, new: Cell | None) -> bool:
        """Whether that was a change."""
        old = self._cells[row][column]
        if old == new:
            return False
        self._cells[row][column] = new
        self._open[column] += _is_open(new) - _is_open(old)
        self.failed += _is_failed(new) - _is_failed(old)
        return True

    def busiest(self, rows: Iterable[int], here: int) -> Place | None:
        """Where things happen: the first column that has not ended, and there the row whose state asks for most.

        Only `rows` are looked at; `here` is kept when it is as good as another. None when all have ended.
        """
        column = next((number for number, open_ in enumerate(self._open) if open_), None)
        if column is None:
            return None
        states = {row: cell.state for row in rows if (cell := self._cells[row][column]) is not None}
        worst = next((state for state in (*WORST, State.PENDING) if state in states.values()), None)
        if worst is None or states.get(here) is worst:
            return here, column
        return next(row for row, state in states.items() if state is worst), column

    def next_failure(self, here: Place) -> Place:
        """The failure after a place, round to the first; the place itself when nothing has failed."""
        places = [
            (row, column)
            for row, cells in enumerate(self._cells)
            for column, cell in enumerate(cells)
            if _is_failed(cell)
        ]
        return next((place for place in places if place > here), (places or [here])[0])


def _is_open(cell: Cell | None) -> bool:
    return cell is not None and cell.state not in ENDED


def _is_failed(cell: Cell | None) -> bool:
    return cell is not None and cell.state is State.FAILED

"""Where the parts of the matrix are: label | what is hidden to the left | columns | word. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = 8
"""Cells of the column that stands for the columns hidden to the left."""

MORE = 4
"""Cells that tell how many columns are hidden to the right; where rows end in a word it is told above those."""

NOTE = 14
"""Cells of the word at the end of a row."""

_ROOM_FOR_NOTE = 44


@dataclass(frozen=True, slots=True)
class MatrixLayout:
    """Cells: `label` and `note` are widths, `first` the first column that is seen, `seen` how many are.

    `left` is the width of the part for the `first` columns, 0 when there are none; `step` the width of one column.
    """

    label: int
    note: int
    step: int
    first: int
    seen: int
    left: int
    columns: int

    @classmethod
    def of(cls, width: int, columns: int, label: int, wanted: int, cursor: int | None) -> MatrixLayout:
        """Show the columns from `wanted` on, but the one with the cursor in any case, and all of them if they fit."""
        note = NOTE if width >= _ROOM_FOR_NOTE else 0
        step = 4 if columns > 99 else 3
        label = min(label, max(4, width // 3)) + 1
        room = width - label - note
        if columns * step <= room:
            return cls(label, note, step, 0, columns, 0, columns)
        more = 0 if note else MORE
        at_start, between, at_end = (
            max(1, space // step) for space in (room - more, room - HIDDEN - more, room - HIDDEN)
        )
        last = max(0, columns - at_end)
        first = max(0, min(wanted, last))
        if cursor is not None:
            first = min(first, cursor)
            seen = at_start if not first else at_end if first == last else between
            if cursor >= first + seen:
                first = min(last, cursor - between + 1)
        if first * step <= HIDDEN and (cursor is None or cursor < at_start):
            first = 0
        seen = at_start if not first else columns - first if first >= last else between
        return cls(label, note, step, first, min(seen, columns - first), HIDDEN if first else 0, columns)

    @property
    def hidden_right(self) -> int:
        return self.columns - self.first - self.seen

    @property
    def grid(self) -> int:
        """Where the first column begins."""
        return self.label + self.left

    def x_of(self, column: int) -> int | None:
        """Where a column begins; None when it is hidden."""
        if not self.first <= column < self.first + self.seen:
            return None
        return self.grid + (column - self.first) * self.step

    def column_at(self, x: int) -> int | None:
        """The column at this place, the last hidden one for the part that stands for those."""
        if self.left and self.label <= x < self.grid:
            return self.first - 1
        column = self.first + (x - self.grid) // self.step
        return column if x >= self.grid and column < self.first + self.seen else None

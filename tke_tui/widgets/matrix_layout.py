"""Where the parts of the matrix are: label | what is hidden to the left | columns | word. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = 8
"""Cells of the column that stands for the columns hidden to the left."""

MORE = 4
"""Cells that tell how many columns are hidden to the right."""

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
        first = max(0, min(wanted, columns - 1))
        if cursor is not None:
            first = min(first, cursor)
            seen = cls._seen(room, step, first, columns)
            if cursor >= first + seen:
                first = max(0, cursor - cls._seen(room, step, cursor, columns, end=True) + 1)
        # Never hide columns to the left while there is room to the right of the last one.
        first = min(first, max(0, columns - cls._seen(room, step, columns, columns, end=True)))
        seen = cls._seen(room, step, first, columns)
        return cls(label, note, step, first, seen, HIDDEN if first else 0, columns)

    @staticmethod
    def _seen(room: int, step: int, first: int, columns: int, *, end: bool = False) -> int:
        """How many columns there is room for, from `first` on, or up to it when it is the `end`."""
        space = room - (HIDDEN if first or end else 0)
        rest = columns if end else columns - first
        if space >= rest * step:
            return rest
        if end and first >= columns:
            return max(1, space // step)
        return max(1, (space - MORE) // step)

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

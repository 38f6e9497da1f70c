"""A small table to type in: names with values, lists of texts, lists of objects. There is always an empty line left."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from tke_tui.widgets.editors import Edited, LineInput

Row = tuple[str, ...]


class RowsEditor(Vertical):
    """Lines of as many cells as there are `columns` (their labels). `between` stands between two cells.

    Posts `Edited` with all lines, empty ones included. An emptied line counts as removed.
    """

    DEFAULT_CSS = """
    RowsEditor {
        height: auto;
        width: 1fr;
        & .row { height: 1; }
        & .between { width: auto; color: $text-muted; }
    }
    """

    def __init__(self, path: str, rows: Sequence[Row], columns: Sequence[str], between: str = "=") -> None:
        super().__init__()
        self.path, self.columns, self.between = path, list(columns), between
        self._rows = [*rows, self._empty()]

    @property
    def table(self) -> list[Row]:
        """What stands in the lines."""
        return [
            tuple(cell.text for cell in row.query(LineInput))
            for row in self.query(".row").results(Horizontal)
        ]

    def compose(self) -> ComposeResult:
        for row in self._rows:
            yield self._line(row)

    def show(self, rows: Sequence[Row]) -> None:
        """Show lines that were not typed here."""
        if [row for row in self.table if any(row)] == list(rows):
            return
        self._rows = [*rows, self._empty()]
        self.refresh(recompose=True)

    async def on_edited(self, event: Edited) -> None:
        if event.path != self.path or not isinstance(event.value, str):
            return
        event.stop()
        if any(self.table[-1]):
            await self.mount(self._line(self._empty()))
        self.post_message(Edited(self.path, self.table))

    def _empty(self) -> Row:
        return ("",) * len(self.columns)

    def _line(self, row: Row) -> Horizontal:
        cells: list[LineInput | Static] = []
        for label, text in zip(self.columns, row, strict=True):
            if cells:
                cells.append(Static(Content(f" {self.between} "), classes="between"))
            cells.append(LineInput(self.path, text, placeholder=label))
        return Horizontal(*cells, classes="row")

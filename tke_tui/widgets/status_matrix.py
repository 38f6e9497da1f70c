"""The matrix of machines and handlers: thousands of cells, of which only those that change are drawn again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip

from tke_tui.messages import N_, _
from tke_tui.state_words import words
from tke_tui.symbols import State
from tke_tui.view_types import Cell, HandlerView
from tke_tui.widgets.matrix_cells import CellAt, MatrixCells
from tke_tui.widgets.matrix_layout import HIDDEN, MatrixLayout
from tke_tui.widgets.matrix_words import hidden_words, row_words
from tke_tui.widgets.state_lines import BOLD, QUIET_CURSOR, Part, StateLines

HEADER = 1
"""Lines above the rows."""

_LEGEND = 2
"""Lines below them, when there is room for `_LEAST_ROWS`."""

_LEAST_ROWS = 4


class StatusMatrix(StateLines):
    """Rows are machines, "" the cluster as a whole; columns are handlers by number, the name of one is told below.

    Columns that are done make way on narrow screens: "18 done". Until a person moves the cursor it stays where
    things happen; `F`, or leaving the matrix, lets it do so again.
    """

    HELP = N_(
        "## Machines and handlers\n\n"
        "One row for each machine, one column for each handler; their numbers are those of the plan. The last lines "
        "name the handler under the cursor and say what it is doing.\n\n"
        "**Arrows** or **h j k l** move, **g** and **G** go to the first and the last machine, **Home** and **End** "
        "to the first and the last handler. **Enter** opens a cell: command, exit code, output, attempts. **f** goes "
        "to the next failure. The cursor stays where things happen until you move it; **F** lets it follow again."
    )
    BINDING_GROUP_TITLE = N_("Machines and handlers")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", N_("open"), id="matrix.open"),
        Binding("up,k", "move(-1, 0)", N_("up"), id="matrix.up", show=False),
        Binding("down,j", "move(1, 0)", N_("down"), id="matrix.down", show=False),
        Binding("left,h", "move(0, -1)", N_("left"), id="matrix.left", show=False),
        Binding("right,l", "move(0, 1)", N_("right"), id="matrix.right", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="matrix.page-up", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="matrix.page-down", show=False),
        Binding("g", "go_row(0)", N_("first machine"), id="matrix.first-row", show=False),
        Binding("G", "go_row(-1)", N_("last machine"), id="matrix.last-row", show=False),
        Binding("home", "go_column(0)", N_("first handler"), id="matrix.first-column", show=False),
        Binding("end", "go_column(-1)", N_("last handler"), id="matrix.last-column", show=False),
        Binding("f", "next_failure", N_("next failure"), id="matrix.next-failure"),
        Binding("F", "follow", N_("follow"), id="matrix.follow"),
    ]

    @dataclass
    class CellSelected(Message):
        """A person wants to see a task."""

        task: str
        node: str
        handler: str

    @dataclass
    class CellHighlighted(Message):
        """The cursor is on another machine, or a person moved it; `task` is "" where a handler has nothing to do."""

        task: str
        node: str

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, StatusMatrix.CellHighlighted)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._handlers: Sequence[HandlerView] = ()
        self._cells = MatrixCells()
        self._now = 0.0
        self._row = 0
        self._column = 0
        self._moved = False
        """Whether a person has put the cursor where it is."""
        self._keys = (False, False, False)
        """What the line of keys depends on: a cell to open, a cursor to bring back, a failure to go to."""
        self._wanted = 0
        self._label_width = 0
        self._geometry = MatrixLayout.of(0, 0, 0, 0, None)
        self._strips: dict[int, Strip] = {}

    # --- data ------------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[str], handlers: Sequence[HandlerView], cell: CellAt, now: float) -> None:
        """Draw everything: these rows and columns. The cursor stays on its task if that is still there."""
        old_node = self.node
        old_name = self._handlers[self._column].name if self._column < len(self._handlers) else ""
        self._handlers, self._now = tuple(handlers), now
        self._cells = MatrixCells(rows, len(handlers), cell)
        names = [handler.name for handler in handlers]
        self._row = self._cells.rows.index(old_node) if old_name and old_node in self._cells.rows else 0
        self._column = names.index(old_name) if old_name in names else 0
        self._label_width = max((cell_len(self._row_label(row)) for row in range(len(rows))), default=0)
        self._fit()
        self._follow()
        self._offer_keys()
        self.forget_lines()

    def update_cells(self, places: Iterable[tuple[int, int]], cell: CellAt, now: float) -> None:
        """Draw these (row, column) cells again."""
        self._now = now
        for row, column in places:
            if self._cells.put(row, column, cell(row, column)):
                self._draw_cell(row, column)
        self._follow()
        self._offer_keys()

    def tick(self, now: float) -> None:
        """Time passes: draw what tells it."""
        self._now = now
        for row in self._rows_in_sight():
            if any(cell is not None and cell.state is State.RETRYING for cell in self._cells[row]):
                self._draw_note(row)
        self._draw_legend()

    def go_to(self, row: int, column: int) -> None:
        """Put the cursor on a cell; it stays there until `action_follow`, or until the matrix is left."""
        self._moved = True
        self._move_to(row, column)
        self._offer_keys()

    def action_follow(self) -> None:
        """Let the cursor stay where things happen again."""
        self._moved = False
        self._follow()
        self._offer_keys()

    @property
    def selected(self) -> Cell | None:
        """The cell under the cursor."""
        if self._row < len(self._cells.rows) and self._column < len(self._handlers):
            return self._cells[self._row][self._column]
        return None

    @property
    def node(self) -> str:
        """The machine under the cursor, "" for the cluster as a whole."""
        return self._cells.rows[self._row] if self._row < len(self._cells.rows) else ""

    # --- drawing ---------------------------------------------------------------------------------------------------

    @property
    def _legend(self) -> int:
        height = self.scrollable_content_region.height
        return _LEGEND if height >= HEADER + _LEAST_ROWS + _LEGEND else 0

    @property
    def _rows_high(self) -> int:
        return max(1, self.scrollable_content_region.height - HEADER - self._legend)

    def _rows_in_sight(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(len(self._cells.rows), top + self._rows_high))

    def forget_lines(self) -> None:
        self._strips.clear()
        self.refresh()

    def _fit(self) -> None:
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._cells.rows) + HEADER + self._legend)
        self._choose_columns()

    def _choose_columns(self) -> None:
        """Decide which columns are seen; draw everything when that are others than before."""
        width = self.scrollable_content_region.width
        cursor = self._column if self._moved else None
        chosen = MatrixLayout.of(width, len(self._handlers), self._label_width, self._wanted, cursor)
        if chosen != self._geometry:
            self._geometry = chosen
            self.forget_lines()

    def on_resize(self) -> None:
        self._fit()
        node = self.node
        # Other rows are in sight now.
        self._follow()
        if self.node != node:
            self._tell()

    def _follow(self) -> None:
        """Before a person has moved the cursor, keep it where things happen, among the rows that are in sight."""
        if self._moved:
            return
        place = self._cells.busiest(self._rows_in_sight(), self._row)
        if place is None:
            return
        self._put_cursor(*place)
        self._wanted = max(0, self._column - 1)
        self._choose_columns()

    def _put_cursor(self, row: int, column: int) -> None:
        if (row, column) == (self._row, self._column):
            return
        before = self._row
        self._row, self._column = row, column
        for each in {before, row}:
            self._strips.pop(each, None)
            y = self._line_of(each)
            if y is not None:
                self.refresh(Region(0, y, self.size.width, 1))
        self.refresh(Region(0, 0, self.size.width, HEADER))
        self._draw_legend()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return self._header(width)
        below = y - (self.scrollable_content_region.height - self._legend)
        if below >= 0:
            return self._legend_line(below, width)
        row = y - HEADER + self.scroll_offset.y
        if row >= len(self._cells.rows):
            return Strip.blank(width, self.rich_style_of(""))
        if row not in self._strips:
            self._strips[row] = self._row_strip(row, width)
        return self._strips[row]

    def _header(self, width: int) -> Strip:
        layout = self._geometry
        parts: list[Part] = [(" " * layout.label, "")]
        if layout.left:
            parts.append((self.cut(f"1-{layout.first}", HIDDEN), self.muted))
        for handler in self._handlers[layout.first : layout.first + layout.seen]:
            here = handler.number - 1 == self._column
            parts.append((f"{handler.number:>{layout.step - 1}} ", BOLD if here else self.muted))
        if layout.hidden_right:
            parts.append((f"+{layout.hidden_right}", self.muted))
        return self.line(parts, width)

    def _row_strip(self, row: int, width: int) -> Strip:
        layout, cells = self._geometry, self._cells[row]
        selected = row == self._row
        label_style = BOLD if selected else ""
        parts: list[Part] = [(self.cut(self._row_label(row), layout.label - 1) + " ", label_style)]
        if layout.left:
            text, state = hidden_words(cells[: layout.first], self.symbols)
            parts.append((self.cut(text, HIDDEN - 1) + " ", self.word_style(state)))
        for column in range(layout.first, layout.first + layout.seen):
            cell = cells[column]
            glyph = " " if cell is None else self.symbols.glyph(cell.state)
            style = "" if cell is None else self.state_style(cell.state)
            if selected and column == self._column:
                style = self.cursor if self.has_focus else f"{style} {QUIET_CURSOR}".strip()
            parts.append((f"{glyph:>{layout.step - 1}} ", style))
        grid = layout.grid + layout.seen * layout.step
        parts.append((" " * (width - layout.note - grid), ""))
        if layout.note:
            text, state = row_words(cells, self._now, self.symbols)
            parts.append((f" {self.cut(text, layout.note - 1)}", self.word_style(state)))
        return self.line(parts, width, exact=True)

    def _row_label(self, row: int) -> str:
        return self._cells.rows[row] or _("cluster")

    def _legend_line(self, line: int, width: int) -> Strip:
        if self._column >= len(self._handlers):
            return Strip.blank(width, self.rich_style_of(""))
        handler = self._handlers[self._column]
        if line == 0:
            parts: list[Part] = [
                (f"{handler.number} {handler.name}", BOLD),
                (f"  {_(handler.title)}", self.muted),
            ]
            fits = sum(cell_len(text) for text, _style in parts) <= width
            return self.line(parts if fits else parts[:1], width)
        cell, where = self.selected, self._row_label(self._row)
        if cell is None:
            said, style = _("{node}: nothing to do here").format(node=where), self.muted
        else:
            said = f"{where}: {words(cell, self._now, self.symbols)}".replace("\n", " ")
            style = self.word_style(cell.state)
        return self.line([(self.cut(said, width), style)], width)

    def _line_of(self, row: int) -> int | None:
        """Where a row is in the content; None when it is out of sight."""
        return row - self.scroll_offset.y + HEADER if row in self._rows_in_sight() else None

    def _draw_cell(self, row: int, column: int) -> None:
        self._strips.pop(row, None)
        y = self._line_of(row)
        if y is None:
            return
        layout = self._geometry
        x = layout.x_of(column)
        if x is not None:
            self.refresh(Region(x, y, layout.step, 1))
        elif column < layout.first:
            self.refresh(Region(layout.label, y, layout.left, 1))
        self._draw_note(row)
        if (row, column) == (self._row, self._column):
            self._draw_legend()

    def _draw_note(self, row: int) -> None:
        self._strips.pop(row, None)
        y, layout = self._line_of(row), self._geometry
        if y is not None and layout.note:
            width = self.scrollable_content_region.width
            self.refresh(Region(width - layout.note, y, layout.note, 1))

    def _draw_legend(self) -> None:
        if self._legend:
            region = self.scrollable_content_region
            self.refresh(Region(0, region.height - self._legend, region.width, self._legend))

    # --- keys ------------------------------------------------------------------------------------------------------

    def _move_to(self, row: int, column: int) -> None:
        if not self._cells.rows or not self._handlers:
            return
        self._put_cursor(
            max(0, min(row, len(self._cells.rows) - 1)), max(0, min(column, len(self._handlers) - 1))
        )
        self._wanted = self._geometry.first
        top = self.scroll_offset.y
        if self._row < top or self._row >= top + self._rows_high:
            target = self._row if self._row < top else self._row - self._rows_high + 1
            self.scroll_to(y=target, animate=False, force=True)
        self._choose_columns()
        self._tell()
        self.call_after_refresh(self._show_cursor)

    def _tell(self) -> None:
        cell = self.selected
        self.post_message(self.CellHighlighted(cell.task if cell else "", self.node))

    def cursor_offset(self) -> Offset | None:
        x, y = self._geometry.x_of(self._column), self._line_of(self._row)
        return None if x is None or y is None else Offset(x + self._geometry.step - 2, y)

    def on_blur(self) -> None:
        self._moved = False
        self._offer_keys()

    def _offer_keys(self) -> None:
        keys = self.selected is not None, self._moved, self._cells.failed > 0
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "next_failure":
                return self._cells.failed > 0
            case "select":
                return self.selected is not None
            case "follow":
                return self._moved
            case _:
                return True

    def action_move(self, down: int, right: int) -> None:
        self.go_to(self._row + down, self._column + right)

    def action_page(self, by: int) -> None:
        self.go_to(self._row + by * self._rows_high, self._column)

    def action_go_row(self, row: int) -> None:
        self.go_to(row if row >= 0 else len(self._cells.rows) - 1, self._column)

    def action_go_column(self, column: int) -> None:
        self.go_to(self._row, column if column >= 0 else len(self._handlers) - 1)

    def action_next_failure(self) -> None:
        self.go_to(*self._cells.next_failure((self._row, self._column)))

    def action_select(self) -> None:
        if (cell := self.selected) is not None:
            self.post_message(self.CellSelected(cell.task, cell.node, cell.name))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not HEADER <= offset.y < HEADER + self._rows_high:
            return
        row = offset.y - HEADER + self.scroll_offset.y
        column = self._geometry.column_at(offset.x)
        if row >= len(self._cells.rows):
            return
        again = event.chain > 1 and (row, column) == (self._row, self._column)
        self.go_to(row, self._column if column is None else column)
        if again:
            self.action_select()

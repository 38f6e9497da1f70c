"""Checks before an installation: one line per check, one column per machine. Only the lines on screen are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from tke_tui.messages import N_, _
from tke_tui.preflight_view import COMMON, PreflightView, severity_word
from tke_tui.symbols import State, Symbols
from tke_tui.widgets.cells import fit

_NAME = 17
_LEAST_SUMMARY = 18


class CheckMatrix(ScrollView, can_focus=True):
    """Draws a `PreflightView` and posts where the person is; changes nothing itself."""

    HELP: ClassVar[str | None] = N_("""\
# Checks
Each line is a check, each column a machine; *common* is this host and what concerns all machines.

- arrow keys choose a cell, below it stands what was found there and what to do
- **f** goes to the next problem
- **i** ignores what was found in the cell, or counts it again: the installation then goes on in spite of it
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1, 0)", N_("up"), id="checks.up", show=False),
        Binding("down,j", "cursor(1, 0)", N_("down"), id="checks.down", show=False),
        Binding("left,h", "cursor(0, -1)", N_("left"), id="checks.left", show=False),
        Binding("right,l", "cursor(0, 1)", N_("right"), id="checks.right", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="checks.page-up", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="checks.page-down", show=False),
        Binding("home,g", "edge(0)", N_("first"), id="checks.first", show=False),
        Binding("end,G", "edge(1)", N_("last"), id="checks.last", show=False),
        Binding("f", "next_problem", N_("next problem"), id="checks.next-problem"),
        Binding("i", "ignore", N_("ignore"), id="checks.ignore"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "check-matrix--header",
        "check-matrix--line",
        "check-matrix--cell",
        "check-matrix--column",
    }
    DEFAULT_CSS = """
    CheckMatrix {
        height: 1fr;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        & .check-matrix--header { color: $text-muted; text-style: bold; }
        & .check-matrix--column { color: $foreground; text-style: bold underline; }
        & .check-matrix--line { background: $panel; }
        & .check-matrix--cell { text-style: reverse; }
        &:ansi .check-matrix--line { background: ansi_default; text-style: bold; }
    }
    """

    cursor: reactive[tuple[int, int]] = reactive((0, 0))
    """Row and column."""

    @dataclass
    class CursorMoved(Message):
        """Another cell is under the cursor, or what stands in it has changed."""

        row: str
        node: str

    @dataclass
    class IgnoreAsked(Message):
        """What was found in this cell is to be ignored, or to count again."""

        row: str
        node: str

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self.view = PreflightView(())
        self._first_column = 0

    def show(self, view: PreflightView) -> None:
        """Draw this view from now on; call again when much of it has changed."""
        self.view = view
        self._fit_size()
        self.cursor = self.validate_cursor(self.cursor)
        self.refresh()
        self._tell()

    def update_row(self, row: str) -> None:
        """Draw one check again: something was found."""
        if self.virtual_size.height != len(self.view.rows) + 1:
            self._fit_size()
        self._refresh_row(self.view.rows.index(row))
        if self.here and self.here[0] == row:
            self._tell()

    @property
    def here(self) -> tuple[str, str] | None:
        """Check and machine under the cursor; None while nothing is known."""
        row, column = self.cursor
        if row < len(self.view.rows) and column < len(self.view.nodes):
            return self.view.rows[row], self.view.nodes[column]
        return None

    def validate_cursor(self, cursor: tuple[int, int]) -> tuple[int, int]:
        row = max(0, min(cursor[0], len(self.view.rows) - 1))
        return row, max(0, min(cursor[1], len(self.view.nodes) - 1))

    def watch_cursor(self, before: tuple[int, int], cursor: tuple[int, int]) -> None:
        row, column = cursor
        shown = self._columns_shown()
        first = min(self._first_column, column)
        first = max(first, column - shown + 1)
        if first != self._first_column:
            self._first_column = first
            self.refresh()
        elif before[1] != column:
            self.refresh(Region(0, 0, self.size.width, 1))
        self._refresh_row(before[0])
        self._refresh_row(row)
        visible = max(1, self.scrollable_content_region.height - 1)
        top = int(self.scroll_offset.y)
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + visible:
            self.scroll_to(y=row - visible + 1, animate=False)
        self._place_terminal_cursor()
        self._tell()

    def on_focus(self) -> None:
        self._place_terminal_cursor()

    def on_resize(self) -> None:
        self._first_column = 0
        self._fit_size()
        self.watch_cursor(self.cursor, self.cursor)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + int(self.scroll_offset.y)
        column = self._first_column + max(0, event.x - _NAME - 1) // self._column_width()
        if event.y > 0:
            self.cursor = (row, column)

    def action_cursor(self, rows: int, columns: int) -> None:
        self.cursor = (self.cursor[0] + rows, self.cursor[1] + columns)

    def action_page(self, by: int) -> None:
        self.action_cursor(by * max(1, self.scrollable_content_region.height - 2), 0)

    def action_edge(self, end: int) -> None:
        self.cursor = (len(self.view.rows) if end else 0, self.cursor[1])

    def action_next_problem(self) -> None:
        """The next error after the cursor, line by line; when there is none, the next warning."""
        columns = len(self.view.nodes)
        cells = [(row, column) for row in range(len(self.view.rows)) for column in range(columns)]
        here = cells.index(self.cursor) + 1 if self.cursor in cells else 0
        for wanted in (State.FAILED, State.BLOCKED):
            for row, column in (*cells[here:], *cells[:here]):
                if self.view.state(self.view.rows[row], self.view.nodes[column]) is wanted:
                    self.cursor = (row, column)
                    return

    def action_ignore(self) -> None:
        if self.here is not None:
            self.post_message(self.IgnoreAsked(*self.here))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width or self.size.width
        if y == 0:
            return self._strip(self._heading(), width, "check-matrix--header")
        row = y - 1 + int(self.scroll_offset.y)
        if row >= len(self.view.rows):
            return Strip.blank(width, self.visual_style.rich_style)
        return self._strip(self._line(row), width, "check-matrix--line" if row == self.cursor[0] else "")

    def _heading(self) -> Content:
        column_style = self.get_visual_style("check-matrix--column", partial=True)
        names = short_names(self.view.nodes)
        more = " " if not self._first_column else "<" if self.symbols.ascii else "‹"
        parts: list[Content] = [fit(_("Check"), _NAME, self.symbols), Content(more)]
        for column in self._columns():
            text = fit(names[column], self._column_width() - 1, self.symbols)
            parts += [text.stylize(column_style) if column == self.cursor[1] else text, Content(" ")]
        hidden = len(self.view.nodes) - self._columns().stop
        if hidden > 0:
            parts.append(Content(_("+{count} more").format(count=hidden)))
        return Content.assemble(*parts)

    def _line(self, row: int) -> Content:
        name = self.view.rows[row]
        cell_style = self.get_visual_style("check-matrix--cell", partial=True)
        here = row == self.cursor[0]
        pointer = self.symbols.pointer if here else " "
        parts: list[Content] = [Content(pointer), fit(name, _NAME - 1, self.symbols), Content(" ")]
        for column in self._columns():
            state = self.view.state(name, self.view.nodes[column])
            glyph = Content.styled(self.symbols.glyph(state), self.symbols.style(state))
            text = fit(Content.assemble(" ", glyph, " "), self._column_width() - 1, self.symbols)
            if here and column == self.cursor[1]:
                text = text.stylize(cell_style, 0, 3)
            parts += [text, Content(" ")]
        worst = self.view.worst(name)
        if worst is not None and worst.severity != "ok":
            word = severity_word(worst.severity)
            parts.append(Content(f"{word}: {worst.message}" if worst.severity != "ignored" else word))
        return Content.assemble(*parts)

    def _strip(self, line: Content, width: int, component: str) -> Strip:
        style = self.get_visual_style(component) if component else self.visual_style
        line = fit(line, width, self.symbols)
        return Visual.to_strips(self, line, width, 1, style, apply_selection=False, pad=True)[0]

    def _column_width(self) -> int:
        longest = max((Content(name).cell_length for name in short_names(self.view.nodes)), default=3)
        return max(4, longest + 1)

    def _columns_shown(self) -> int:
        room = self.size.width - _NAME - 1 - _LEAST_SUMMARY
        return max(1, min(len(self.view.nodes), room // self._column_width()))

    def _columns(self) -> range:
        return range(
            self._first_column, min(self._first_column + self._columns_shown(), len(self.view.nodes))
        )

    def _fit_size(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.view.rows) + 1)

    def _refresh_row(self, row: int) -> None:
        line = row + 1 - int(self.scroll_offset.y)
        if 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _place_terminal_cursor(self) -> None:
        """Where a screen reader reads."""
        if self.has_focus:
            row, column = self.cursor
            x = _NAME + 1 + (column - self._first_column) * self._column_width()
            y = row + 1 - int(self.scroll_offset.y)
            self.app.cursor_position = self.content_region.offset + Offset(x, y)

    def _tell(self) -> None:
        if self.here is not None:
            self.post_message(self.CursorMoved(*self.here))


def short_names(nodes: tuple[str, ...]) -> list[str]:
    """Headings that tell machines apart: the last parts of their addresses that are not the same for all."""
    addresses = [node for node in nodes if node != COMMON]
    parts = [address.split(".") for address in addresses]
    same = 0
    while len(addresses) > 1 and same < 3 and len({tuple(part[: same + 1]) for part in parts}) == 1:
        same += 1
    short = {
        address: ("." + ".".join(part[same:]) if same else address)
        for address, part in zip(addresses, parts, strict=True)
    }
    return [_("common") if node == COMMON else short[node] for node in nodes]

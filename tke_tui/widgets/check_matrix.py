"""Checks before an installation: one line per check, one column per machine. Only the lines on screen are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tke_tui.messages import N_, _
from tke_tui.preflight_view import COMMON, PreflightView, severity_word
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.widgets.state_lines import BOLD, QUIET_CURSOR, Part, StateLines

_NAME = 17
_LEAST_SUMMARY = 18


class CheckMatrix(StateLines):
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
    DEFAULT_CSS = """
    CheckMatrix {
        height: 1fr;
        scrollbar-size-horizontal: 0;
    }
    """

    place: reactive[tuple[int, int]] = reactive((0, 0))
    """Row and column under the cursor."""

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

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.view = PreflightView(())
        self._first_column = 0

    def show(self, view: PreflightView) -> None:
        """Draw this view from now on; call again when much of it has changed."""
        self.view = view
        self._fit_size()
        self.place = self.validate_place(self.place)
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
        row, column = self.place
        if row < len(self.view.rows) and column < len(self.view.nodes):
            return self.view.rows[row], self.view.nodes[column]
        return None

    def validate_place(self, place: tuple[int, int]) -> tuple[int, int]:
        row = max(0, min(place[0], len(self.view.rows) - 1))
        return row, max(0, min(place[1], len(self.view.nodes) - 1))

    def watch_place(self, before: tuple[int, int], place: tuple[int, int]) -> None:
        row, column = place
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
        self.call_after_refresh(self._show_cursor)
        self._tell()

    def cursor_offset(self) -> Offset | None:
        row, column = self.place
        x = _NAME + 1 + (column - self._first_column) * self._column_width()
        return Offset(x, row + 1 - int(self.scroll_offset.y))

    def on_resize(self) -> None:
        self._first_column = 0
        self._fit_size()
        self.watch_place(self.place, self.place)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + int(self.scroll_offset.y)
        column = self._first_column + max(0, event.x - _NAME - 1) // self._column_width()
        if event.y > 0:
            self.place = (row, column)

    def action_cursor(self, rows: int, columns: int) -> None:
        self.place = (self.place[0] + rows, self.place[1] + columns)

    def action_page(self, by: int) -> None:
        self.action_cursor(by * max(1, self.scrollable_content_region.height - 2), 0)

    def action_edge(self, end: int) -> None:
        self.place = (len(self.view.rows) if end else 0, self.place[1])

    def action_next_problem(self) -> None:
        """The next error after the cursor, line by line; when there is none, the next warning."""
        columns = len(self.view.nodes)
        cells = [(row, column) for row in range(len(self.view.rows)) for column in range(columns)]
        here = cells.index(self.place) + 1 if self.place in cells else 0
        for wanted in (State.FAILED, State.BLOCKED):
            for row, column in (*cells[here:], *cells[:here]):
                if self.view.state(self.view.rows[row], self.view.nodes[column]) is wanted:
                    self.place = (row, column)
                    return

    def action_ignore(self) -> None:
        if self.here is not None:
            self.post_message(self.IgnoreAsked(*self.here))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width or self.size.width
        if y == 0:
            return self.line(self._heading(), width)
        row = y - 1 + int(self.scroll_offset.y)
        return self.line(self._parts(row, width) if row < len(self.view.rows) else [], width)

    def _heading(self) -> list[Part]:
        names, quiet = short_names(self.view.nodes), f"bold {self.muted}"
        more = " " if not self._first_column else "<" if self.symbols.ascii else "‹"
        parts: list[Part] = [(self.cut(_("Check"), _NAME) + more, quiet)]
        for column in self._columns():
            here = column == self.place[1]
            parts += [(self.cut(names[column], self._column_width() - 1), BOLD if here else quiet), (" ", "")]
        hidden = len(self.view.nodes) - self._columns().stop
        if hidden > 0:
            parts.append((_("+{count} more").format(count=hidden), quiet))
        return parts

    def _parts(self, row: int, width: int) -> list[Part]:
        name, here = self.view.rows[row], row == self.place[0]
        plain = BOLD if here else ""
        start = f"{self.symbols.pointer if here else ' '}{self.cut(name, _NAME - 1)} "
        parts: list[Part] = [(start, plain)]
        for column in self._columns():
            state = self.view.state(name, self.view.nodes[column])
            glyph, rest = self.symbols.glyph(state), " " * (self._column_width() - 3)
            if here and column == self.place[1]:
                style = self.cursor if self.has_focus else QUIET_CURSOR
                parts += [(f" {glyph} ", style), (rest, plain)]
            else:
                parts += [(" ", plain), (glyph, self.state_style(state)), (f" {rest}", plain)]
        worst = self.view.worst(name)
        if worst is not None and worst.severity != "ok":
            word = severity_word(worst.severity)
            text = f"{word}: {worst.message}" if worst.severity != "ignored" else word
            used = cell_len("".join(part for part, _style in parts))
            parts.append((self.cut(harmless(text), width - used), plain))
        return parts

    def _column_width(self) -> int:
        longest = max((cell_len(name) for name in short_names(self.view.nodes)), default=3)
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

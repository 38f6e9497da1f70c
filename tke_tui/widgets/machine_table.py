"""The machines, one per line, with the state of each login. Only the lines on screen are ever drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tke_tui.forms.machine_rows import MachineRow
from tke_tui.messages import N_, _
from tke_tui.widgets.state_lines import BOLD, QUIET_CURSOR, Part, StateLines

_GAP = 2
_MOST = {"address": 21, "user": 12, "login": 13, "role": 8, "more": 28}
"""Columns grow with their content up to so many cells."""
_SHORTEST_CHECK = 24


class MachineTable(StateLines):
    """Shows rows and posts what a person does to them; changes nothing itself."""

    HELP: ClassVar[str | None] = N_("""\
# Machines
The first machine is set up first and is the first control plane; the others join it.

- **space** marks a machine; *login*, *delete* and *test* then act on all that are marked
- **J** and **K** move the machine down and up
- **enter** changes it
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", N_("change"), id="machines.change"),
        Binding("space", "mark", N_("mark"), id="machines.mark"),
        Binding("up,k", "cursor(-1)", N_("up"), id="machines.up", show=False),
        Binding("down,j", "cursor(1)", N_("down"), id="machines.down", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="machines.page-up", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="machines.page-down", show=False),
        Binding("home,g", "edge(0)", N_("first"), id="machines.first", show=False),
        Binding("end,G", "edge(1)", N_("last"), id="machines.last", show=False),
        Binding("shift+up,K", "move(-1)", N_("move up"), id="machines.move-up", show=False),
        Binding("shift+down,J", "move(1)", N_("move down"), id="machines.move-down", show=False),
        Binding("asterisk", "mark_all", N_("mark all"), id="machines.mark-all", show=False),
    ]
    DEFAULT_CSS = """
    MachineTable {
        height: 1fr;
        scrollbar-size-horizontal: 0;
    }
    """

    row: reactive[int] = reactive(0)
    """The row under the cursor."""

    @dataclass
    class Chosen(Message):
        """A machine is to be changed."""

        index: int

    @dataclass
    class Marked(Message):
        """Machines are to be marked, or not any more."""

        indices: tuple[int, ...]

    @dataclass
    class Moved(Message):
        """A machine is to change places with the one `by` lines further."""

        index: int
        by: int

    @dataclass
    class CursorMoved(Message):
        """The cursor is on another machine, or the machine under it has changed."""

        index: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: tuple[MachineRow, ...] = ()
        self._widths: dict[str, int] = {}

    @property
    def rows(self) -> tuple[MachineRow, ...]:
        return self._rows

    def update_rows(self, rows: Sequence[MachineRow]) -> None:
        """Show these rows; the cursor stays on its line as far as there is one."""
        before, self._rows = self._rows, tuple(rows)
        widths = self._measure()
        if len(before) != len(rows) or widths != self._widths:
            self._widths = widths
            self._resize()
            self.row = max(0, min(self.row, len(rows) - 1))
            self.refresh()
        else:
            for index, (old, new) in enumerate(zip(before, rows, strict=True)):
                if old != new:
                    self._refresh_row(index)
        self.post_message(self.CursorMoved(self.row))

    def row_of_line(self, y: int) -> int | None:
        """The row that a line of the widget shows, None for the heading and below the last one."""
        index = y - 1 + int(self.scroll_offset.y)
        return index if y > 0 and index < len(self._rows) else None

    def validate_row(self, row: int) -> int:
        return max(0, min(row, len(self._rows) - 1))

    def watch_row(self, before: int, row: int) -> None:
        self._refresh_row(before)
        self._refresh_row(row)
        visible = max(1, self.scrollable_content_region.height - 1)
        top = int(self.scroll_offset.y)
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + visible:
            self.scroll_to(y=row - visible + 1, animate=False)
        self.call_after_refresh(self._show_cursor)
        self.post_message(self.CursorMoved(row))

    def cursor_offset(self) -> Offset | None:
        return Offset(0, self.row + 1 - int(self.scroll_offset.y))

    def on_resize(self) -> None:
        self._widths = self._measure()
        self._resize()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = self.row_of_line(event.y)
        if index is None:
            return
        if event.x < 2:
            self._mark(index)
        elif index == self.row:
            self.post_message(self.Chosen(index))
        self.row = index

    def action_cursor(self, by: int) -> None:
        self.row += by

    def action_page(self, by: int) -> None:
        self.row += by * max(1, self.scrollable_content_region.height - 2)

    def action_edge(self, end: int) -> None:
        self.row = len(self._rows) - 1 if end else 0

    def action_choose(self) -> None:
        if self._rows:
            self.post_message(self.Chosen(self.row))

    def action_mark(self) -> None:
        if self._rows:
            self._mark(self.row)
            self.row += 1

    def action_mark_all(self) -> None:
        every = all(row.selected for row in self._rows)
        self.post_message(self.Marked(() if every else tuple(range(len(self._rows)))))

    def action_move(self, by: int) -> None:
        if self._rows:
            self.post_message(self.Moved(self.row, by))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width or self.size.width
        if y == 0:
            heading = self._cells([_("Address"), _("User"), _("Login"), _("Role"), _("More")])
            return self.line([(f"    {heading}{_('Check')}", f"bold {self.muted}")], width)
        index = self.row_of_line(y)
        return self.line(self._parts(index, width) if index is not None else [], width)

    def _parts(self, index: int, width: int) -> list[Part]:
        row, under_cursor = self._rows[index], index == self.row
        pointer = self.symbols.pointer if under_cursor else " "
        cells = self._cells([row.address, row.user, row.login, row.role, row.more])
        glyph = self.symbols.glyph(row.state)
        start = f"{pointer}{'*' if row.selected else ' '}  {cells}"
        text = self.cut(row.text, max(0, width - cell_len(start) - 2))
        if under_cursor and self.has_focus:
            return [(f"{start}{glyph} {text}", self.cursor)]
        plain = QUIET_CURSOR if under_cursor else BOLD if row.selected else ""
        return [(start, plain), (glyph, self.state_style(row.state)), (f" {text}", plain)]

    def _cells(self, texts: Sequence[str]) -> str:
        widths = zip(texts, self._widths.values(), strict=False)
        return "".join(self.cut(text, width) + " " * _GAP for text, width in widths if width)

    def _measure(self) -> dict[str, int]:
        headings = (_("Address"), _("User"), _("Login"), _("Role"), _("More"))
        widths: dict[str, int] = {}
        for (name, most), heading in zip(_MOST.items(), headings, strict=True):
            texts = [getattr(row, name) for row in self._rows]
            longest = max((cell_len(text) for text in texts), default=0)
            widths[name] = min(most, max(longest, cell_len(heading)))
            if name == "more" and not longest:
                widths[name] = 0
        used = 4 + sum(width + _GAP for width in widths.values() if width)
        if self.size.width and self.size.width - used < _SHORTEST_CHECK:
            widths["more"] = 0
        return widths

    def _resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows) + 1)

    def _refresh_row(self, index: int) -> None:
        line = index + 1 - int(self.scroll_offset.y)
        if 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _mark(self, index: int) -> None:
        marked = {number for number, row in enumerate(self._rows) if row.selected} ^ {index}
        self.post_message(self.Marked(tuple(sorted(marked))))

"""Tasks one below the other: state, name, and a phrase on what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip

from tke_tui.messages import N_
from tke_tui.state_words import words
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.view_types import AT_WORK, Cell
from tke_tui.widgets.state_lines import BOLD, StateLines

_NARROW_NAME, _WIDE_NAME, _LEAST_NAME = 34, 52, 20
_WIDE = 100


class TaskList(StateLines):
    """Rows of `Cell`s. `with_node` names the machine of each. Until somebody moves, what is at work stays in sight."""

    HELP = N_(
        "**Enter** opens a task: its attempts, its last command and its log. **f** goes to the next failure."
    )
    BINDING_GROUP_TITLE = N_("Tasks")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", N_("open"), id="tasks.open"),
        Binding("f", "next_failure", N_("next failure"), id="tasks.next-failure"),
        Binding("up,k", "move(-1)", N_("up"), id="tasks.up", show=False),
        Binding("down,j", "move(1)", N_("down"), id="tasks.down", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="tasks.page-up", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="tasks.page-down", show=False),
        Binding("g,home", "go(0)", N_("first"), id="tasks.first", show=False),
        Binding("G,end", "go(-1)", N_("last"), id="tasks.last", show=False),
    ]

    @dataclass
    class TaskSelected(Message):
        """A person wants to see a task."""

        task: str

    @dataclass
    class TaskHighlighted(Message):
        """The cursor went to a task."""

        task: str

    def __init__(self, *, with_node: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._with_node = with_node
        self._cells: Sequence[Cell] = ()
        self._now = 0.0
        self._cursor = 0
        self._node_width = 0
        self._moved = False

    # --- data ------------------------------------------------------------------------------------------------------

    def show(self, cells: Sequence[Cell], now: float) -> None:
        """Draw these tasks as they are at `now`; only lines that have changed are drawn again."""
        before, self._cells, self._now = self._cells, cells, now
        self._node_width = max((len(cell.node) for cell in cells), default=0)
        if len(before) != len(cells):
            self._fit()
            self.refresh()
        else:
            for row, (old, new) in enumerate(zip(before, cells, strict=True)):
                if old != new or new.state in AT_WORK:
                    self._refresh_row(row)
        if not self._moved:
            self._follow()

    @property
    def selected(self) -> Cell | None:
        """The task under the cursor."""
        return self._cells[self._cursor] if self._cursor < len(self._cells) else None

    def _follow(self) -> None:
        """Keep the first failure, what is at work, or what comes next in sight."""
        for wanted in ({State.FAILED}, AT_WORK, {State.PENDING, State.BLOCKED, State.STOPPED}):
            row = next((row for row, cell in enumerate(self._cells) if cell.state in wanted), None)
            if row is not None:
                break
        else:
            row = 0
        self._set_cursor(row)
        self.scroll_to(y=max(0, row - self.scrollable_content_region.height // 3), animate=False)

    # --- drawing ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if row < len(self._cells):
            return self._row(self._cells[row], width, selected=row == self._cursor and self.has_focus)
        return Strip.blank(width, self.rich_style_of(""))

    def _row(self, cell: Cell, width: int, *, selected: bool) -> Strip:
        room = _WIDE_NAME if width >= _WIDE else _NARROW_NAME
        where = ""
        if self._with_node:
            where = cell.node.ljust(self._node_width)
            room -= min(len(where), room - _LEAST_NAME)
        style = self.state_style(cell.state)
        said = harmless(words(cell, self._now, self.symbols)).replace("\n", " ")
        if selected:
            name_style = said_style = self.cursor
        else:
            name_style = BOLD if cell.state in AT_WORK else ""
            said_style = self.muted if cell.state is State.DONE else self.word_style(cell.state)
        return self.line(
            [
                (" ", ""),
                (self.symbols.glyph(cell.state), style),
                (" ", name_style),
                (self.cut(cell.name, room), name_style),
                (f" {where} " if where else " ", name_style),
                (self.cut(said, width - room - 4 - (len(where) + 1 if where else 0)), said_style),
            ],
            width,
        )

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row - self.scroll_offset.y, self.size.width, 1))

    def _fit(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._cells))
        self._cursor = min(self._cursor, max(0, len(self._cells) - 1))

    def on_resize(self) -> None:
        self._fit()
        if self._moved:
            self._set_cursor(self._cursor)
        else:
            self._follow()

    # --- keys ------------------------------------------------------------------------------------------------------

    def _set_cursor(self, row: int) -> None:
        row = max(0, min(row, len(self._cells) - 1))
        old, self._cursor = self._cursor, row
        self._refresh_row(old)
        self._refresh_row(row)
        self.scroll_to_region(
            Region(0, row, 1, 1), animate=False, force=True, x_axis=False, origin_visible=False
        )
        self.call_after_refresh(self._show_cursor)
        if old != row and self._cells:
            self.post_message(self.TaskHighlighted(self._cells[row].task))

    def go_to(self, task: str) -> None:
        """Put the cursor on a task."""
        row = next((row for row, cell in enumerate(self._cells) if cell.task == task), None)
        if row is not None:
            self._moved = True
            self._set_cursor(row)

    def cursor_offset(self) -> Offset | None:
        return Offset(1, self._cursor - self.scroll_offset.y)

    def action_move(self, by: int) -> None:
        self._moved = True
        self._set_cursor(self._cursor + by)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.scrollable_content_region.height - 1))

    def action_go(self, row: int) -> None:
        self._moved = True
        self._set_cursor(row if row >= 0 else len(self._cells) - 1)

    def action_next_failure(self) -> None:
        order = [*range(self._cursor + 1, len(self._cells)), *range(self._cursor + 1)]
        row = next(
            (row for row in order if row < len(self._cells) and self._cells[row].state is State.FAILED), None
        )
        if row is not None:
            self.action_go(row)

    def action_select(self) -> None:
        if self.selected is not None:
            self.post_message(self.TaskSelected(self.selected.task))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        row = offset.y + self.scroll_offset.y if offset is not None else len(self._cells)
        if row < len(self._cells):
            self.action_go(row)
            if event.chain > 1:
                self.action_select()

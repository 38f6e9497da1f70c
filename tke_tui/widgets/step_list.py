"""The list of steps: state, name, how far it is, how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip

from tke_tui.messages import N_, _, language, n_
from tke_tui.state_words import about, clock_time
from tke_tui.symbols import State
from tke_tui.view_types import Forecast, StepView
from tke_tui.widgets.state_lines import BOLD, Part, StateLines

_TIMED = (State.RUNNING, State.DONE)
"""States that a time says more about than their word."""

_WIDE = 40
"""From this width on there is room for words and times beside each other."""

_VERY_WIDE = 56
"""From this width on there is room for when a step will have ended, too."""


class StepList(StateLines):
    """Steps in order; those that do not belong to this installation are counted in the last line.

    While it has no focus it keeps what is being done in sight.
    """

    HELP = N_(
        "## Steps\n\n"
        "Every step of the installation with its state and its time. A step that is made of many tasks says how many "
        "of them are done. **Enter** shows what a step consists of, **x** also lists the steps that do not belong to "
        "this installation, with the reason."
    )
    BINDING_GROUP_TITLE = N_("Steps")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", N_("open"), id="steps.open"),
        Binding("up,k", "move(-1)", N_("up"), id="steps.up", show=False),
        Binding("down,j", "move(1)", N_("down"), id="steps.down", show=False),
        Binding("pageup", "page(-1)", N_("page up"), id="steps.page-up", show=False),
        Binding("pagedown", "page(1)", N_("page down"), id="steps.page-down", show=False),
        Binding("g,home", "go(0)", N_("first"), id="steps.first", show=False),
        Binding("G,end", "go(-1)", N_("last"), id="steps.last", show=False),
        Binding("x", "all", N_("all steps"), id="steps.all"),
    ]

    @dataclass
    class StepSelected(Message):
        """A person wants to see a step; `name` is its own name, not its title."""

        name: str

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._steps: Sequence[StepView] = ()
        self._shown: list[StepView] = []
        self._ends: Forecast = Forecast(None)
        self._index: dict[str, int] = {}
        self._now = 0.0
        self._all = False
        self._cursor = 0

    # --- data ------------------------------------------------------------------------------------------------------

    def show(self, steps: Sequence[StepView], now: float, forecast: Forecast | None = None) -> None:
        """Draw these steps as they are at `now`; only lines that have changed are drawn again."""
        before, self._steps, self._now = self._shown, steps, now
        self._ends = forecast or Forecast(None)
        self._index = {step.name: number for number, step in enumerate(steps)}
        self._shown = [step for step in steps if self._all or step.state is not State.LEFT_OUT]
        if len(before) != len(self._shown):
            self._fit()
            self.refresh()
        else:
            for row, (old, new) in enumerate(zip(before, self._shown, strict=True)):
                if old != new or new.since or new.state is State.RUNNING:
                    self._refresh_row(row)
        if not self.has_focus:
            self._follow()

    def select(self, name: str) -> None:
        """Put the cursor on a step."""
        for row, step in enumerate(self._shown):
            if step.name == name:
                self._move_to(row)

    @property
    def selected(self) -> StepView | None:
        """The step under the cursor."""
        return self._shown[self._cursor] if self._cursor < len(self._shown) else None

    # --- drawing ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if row < len(self._shown):
            return self._row(self._shown[row], width, selected=row == self._cursor and self.has_focus)
        hidden = len(self._steps) - len(self._shown)
        if row == len(self._shown) and hidden:
            wide = n_(
                "{count} is not part of this installation",
                "{count} are not part of this installation",
                hidden,
            )
            narrow = n_("{count} left out", "{count} left out", hidden)
            text = (wide if width >= _WIDE else narrow).format(count=hidden)
            return self.line([(self.cut(f"   {text}", width), self.state_style(State.LEFT_OUT))], width)
        return Strip.blank(width, self.rich_style_of(""))

    def _row(self, step: StepView, width: int, *, selected: bool) -> Strip:
        wide = width >= _WIDE
        # In English the names everybody knows from logs and input files are as good as the longer titles.
        name = step.name if language() == "en" else _(step.title)
        far, when = self._far(step), self._when(step, wide=wide)
        right = f"{far} {when}".strip() if wide else far or when
        space = width - 4 - cell_len(right) - (1 if right else 0)
        style = self.state_style(step.state)
        if selected:
            name_style = right_style = self.cursor
        else:
            name_style = {State.RUNNING: BOLD, State.LEFT_OUT: self.muted, State.PENDING: ""}.get(
                step.state, ""
            )
            timed = "" if step.state is State.RUNNING else self.muted
            right_style = timed if step.state in _TIMED else self.word_style(step.state)
        parts: list[Part] = [
            (" ", ""),
            (self.symbols.glyph(step.state), style),
            (" ", name_style),
            (self._cut_name(name, space), name_style),
            (" " if right else "", name_style),
            (right, right_style),
            (" ", name_style),
        ]
        return self.line(parts, width)

    def _cut_name(self, name: str, width: int) -> str:
        """Names that would look alike when they are cut lose their first word, too."""
        if cell_len(name) > width:
            alike = sum(step.name.startswith(name[: max(0, width - 1)]) for step in self._shown)
            if alike > 1:
                name = self.symbols.ellipsis + name.partition(" ")[2]
        return self.cut(name, width)

    def _far(self, step: StepView) -> str:
        """How many of its tasks are done, where there are several."""
        if step.total < 2 or step.state is State.DONE or not (step.done or step.started):
            return ""
        return f"{step.done}/{step.total}"

    def _when(self, step: StepView, *, wide: bool) -> str:
        if step.state in _TIMED:
            took = clock_time(step.elapsed(self._now))
            left = self._ends.steps.get(self._index[step.name]) if step.state is State.RUNNING else None
            if wide and left is not None and left >= 60 and self.size.width >= _VERY_WIDE:
                return f"{took}, {about(left)}"
            return took
        if step.state in (State.PENDING, State.LEFT_OUT) or (step.state is State.BLOCKED and not wide):
            return ""
        return self.symbols.word(step.state)

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row - self.scroll_offset.y, self.size.width, 1))

    def _fit(self) -> None:
        hidden = len(self._shown) < len(self._steps)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._shown) + hidden)
        self._cursor = min(self._cursor, max(0, len(self._shown) - 1))

    def on_resize(self) -> None:
        self._fit()
        if not self.has_focus:
            self._follow()

    def _follow(self) -> None:
        """Keep the first step that is being done, or the first that is not done, in sight."""
        active = (State.FAILED, State.RETRYING, State.RUNNING)
        rows = [row for row, step in enumerate(self._shown) if step.state in active]
        rows = rows or [
            row
            for row, step in enumerate(self._shown)
            if step.state not in (State.DONE, State.SKIPPED, State.LEFT_OUT)
        ]
        self._cursor = rows[0] if rows else max(0, len(self._shown) - 1)
        height = self.scrollable_content_region.height
        target = max(0, self._cursor - max(1, height // 3))
        self.scroll_to(y=target, animate=False, force=True)

    # --- keys ------------------------------------------------------------------------------------------------------

    def _move_to(self, row: int) -> None:
        row = max(0, min(row, len(self._shown) - 1))
        old, self._cursor = self._cursor, row
        self._refresh_row(old)
        self._refresh_row(row)
        self.scroll_to_region(
            Region(0, row, 1, 1), animate=False, force=True, x_axis=False, origin_visible=False
        )
        self.call_after_refresh(self._show_cursor)

    def cursor_offset(self) -> Offset | None:
        return Offset(1, self._cursor - self.scroll_offset.y)

    def action_move(self, by: int) -> None:
        self._move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._move_to(self._cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_go(self, row: int) -> None:
        self._move_to(row if row >= 0 else len(self._shown) - 1)

    def action_all(self) -> None:
        self._all = not self._all
        selected = self.selected
        self.show(self._steps, self._now, self._ends)
        if selected is not None:
            self.select(selected.name)

    def action_select(self) -> None:
        if self.selected is not None:
            self.post_message(self.StepSelected(self.selected.name))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        row = offset.y + self.scroll_offset.y if offset is not None else len(self._shown)
        if row < len(self._shown):
            again = row == self._cursor and event.chain > 1
            self._move_to(row)
            if again:
                self.action_select()

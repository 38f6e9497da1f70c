"""Values that are chosen rather than typed. Drawn with brackets, which every terminal has and nobody mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from tke_tui.messages import N_, _
from tke_tui.widgets.editors import Edited

Choice = tuple[str, str]
"""A value and its label."""

_CSS = """
    {name} {{
        height: auto;
        width: 1fr;
        padding: 0 1;
        &:focus {{ background: $panel; text-style: bold; }}
        &:ansi:focus {{ text-style: reverse; }}
    }}
    """


class Toggle(Widget, can_focus=True):
    """Yes or no."""

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "turn_over", N_("switch"), id="field.switch"),
        Binding("left", "turn(False)", N_("off"), id="field.off", show=False),
        Binding("right", "turn(True)", N_("on"), id="field.on", show=False),
    ]
    DEFAULT_CSS = _CSS.format(name="Toggle")

    value: reactive[bool] = reactive(False)

    def __init__(self, path: str, value: bool) -> None:
        super().__init__()
        self.path = path
        self.set_reactive(Toggle.value, value)

    def render(self) -> Content:
        return Content(f"[x] {_('on')}" if self.value else f"[ ] {_('off')}")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def on_click(self) -> None:
        self.action_turn_over()

    def action_turn_over(self) -> None:
        self.action_turn(not self.value)

    def action_turn(self, on: bool) -> None:
        if on != self.value:
            self.value = on
            self.post_message(Edited(self.path, on))


class Picker(Widget, can_focus=True):
    """One value of a few, in a single line: `< 256 >`."""

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", N_("previous"), id="field.previous", key_display="< >"),
        Binding("right,space", "step(1)", N_("next"), id="field.next", show=False),
        Binding("home", "edge(0)", N_("first"), id="field.first", show=False),
        Binding("end", "edge(-1)", N_("last"), id="field.last", show=False),
    ]
    DEFAULT_CSS = _CSS.format(name="Picker")

    value: reactive[str] = reactive("")

    def __init__(self, path: str, value: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.path, self.choices = path, list(choices)
        self.set_reactive(Picker.value, value)

    def show(self, value: str, choices: Sequence[Choice]) -> None:
        """Show a value that was not chosen here, and what there is to choose from."""
        if list(choices) != self.choices:
            self.choices = list(choices)
            self.refresh()
        self.value = value

    def render(self) -> Content:
        before, after = ("<", ">") if len(self.choices) > 1 else (" ", " ")
        return Content(f"{before} {dict(self.choices).get(self.value, self.value)} {after}")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def on_click(self, event: events.Click) -> None:
        self.action_step(-1 if event.x <= self.gutter.left + 1 else 1)

    def action_step(self, by: int) -> None:
        values = [value for value, _label in self.choices]
        position = values.index(self.value) if self.value in values else 0
        self._choose(values[(position + by) % len(values)])

    def action_edge(self, which: int) -> None:
        self._choose(self.choices[which][0])

    def _choose(self, value: str) -> None:
        if value != self.value:
            self.value = value
            self.post_message(Edited(self.path, value))


class Radios(Widget, can_focus=True):
    """One of several alternatives, all in sight: `(*) one  ( ) two`, on as many lines as they need."""

    BINDING_GROUP_TITLE = N_("This field")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", N_("choose"), id="field.left", key_display="< >"),
        Binding("right,space", "step(1)", N_("next"), id="field.right", show=False),
    ]
    DEFAULT_CSS = _CSS.format(name="Radios")

    value: reactive[str | None] = reactive(None, layout=True)

    def __init__(self, path: str, value: str | None, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.path, self.choices = path, list(choices)
        self.set_reactive(Radios.value, value)

    def render(self) -> Content:
        lines = [
            Content("  ").join(self._item(value, label) for value, label in line)
            for line in self._lines(self.content_size.width)
        ]
        return Content("\n").join(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        lines = self._lines(self.content_size.width)
        if offset is None or offset.y >= len(lines):
            return
        x = 0
        for value, label in lines[offset.y]:
            width = self._item(value, label).cell_length
            if x <= offset.x < x + width:
                self._choose(value)
            x += width + 2

    def action_step(self, by: int) -> None:
        values = [value for value, _label in self.choices]
        position = values.index(self.value) + by if self.value in values else 0
        self._choose(values[position % len(values)])

    def _choose(self, value: str) -> None:
        if value != self.value:
            self.value = value
            self.post_message(Edited(self.path, value))

    def _item(self, value: str, label: str) -> Content:
        return Content(f"({'*' if value == self.value else ' '}) {label}")

    def _lines(self, width: int) -> list[list[Choice]]:
        lines: list[list[Choice]] = [[]]
        used = 0
        for choice in self.choices:
            needed = self._item(*choice).cell_length
            if lines[-1] and used + 2 + needed > width:
                lines.append([])
                used = 0
            used += needed + (2 if lines[-1] else 0)
            lines[-1].append(choice)
        return lines

"""The parts of a screen in one line, each with its number key; the one that is shown stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Part:
    """`title` is translated; `note` is a short text behind it, e.g. a count."""

    name: str
    title: str
    note: str = ""
    wrong: bool = False


class PartLine(Widget):
    """Draws parts; a click presses the number key of one."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PartLine {
        height: 1;
        width: 1fr;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._parts: tuple[Part, ...] = ()
        self._current = ""

    def show(self, parts: Sequence[Part], current: str) -> None:
        if (tuple(parts), current) != (self._parts, self._current):
            self._parts, self._current = tuple(parts), current
            self.refresh()

    def render(self) -> Content:
        items: list[Content] = []
        for number, part in enumerate(self._parts, start=1):
            style = "bold reverse" if part.name == self._current else ""
            press = Style.from_meta({"key": str(number)})
            note = (f" {part.note}", "bold $error" if part.wrong else "$foreground-muted")
            item = Content.assemble((f" {number} {part.title} ", style), note if part.note else "")
            items.append(item.stylize(press))
        return Content("  ").join(items).truncate(self.size.width)

    def on_click(self, event: events.Click) -> None:
        key = event.style.meta.get("key")
        if key is not None:
            self.app.simulate_key(key)

"""A line of keys and what they do, for screens with more of them than the last line shows. A click works, too."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget


class KeyLine(Widget):
    """`keys` are (key as Textual names it, as it is shown, what it does in the language in use)."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyLine {
        height: auto;
        width: 1fr;
        color: $foreground;
    }
    """

    def __init__(self, keys: Sequence[tuple[str, str, str]], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._keys = list(keys)

    def render(self) -> Content:
        items, key_style = [], Style.parse("bold $footer-key-foreground")
        for key, shown, text in self._keys:
            press = Style.from_meta({"key": key})
            # A key and its word stay on one line.
            item = Content.assemble((shown, key_style), "\u00a0", text.replace(" ", "\u00a0"))
            items.append(item.stylize(press))
        return Content("  ").join(items)

    def on_click(self, event: events.Click) -> None:
        """A click on a key does what the key does."""
        key = event.style.meta.get("key")
        if key is not None:
            self.app.simulate_key(key)

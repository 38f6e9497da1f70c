"""The last line of every screen: the keys that matter most right now, seven at most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from tke_tui.messages import _

SHOWN = 7
"""More keys than these nobody reads; the rest is in the help and in the command palette."""


class StatusBar(Widget):
    """Shows each active binding that wants to be shown: the focused widget's first, then the screen's, the app's last.

    Below a dialog they are the dialog's: the others would not do anything.

    A click on a key does what the key does. When the line is too short, keys before the app's own give way.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StatusBar {
        dock: bottom;
        height: 1;
        width: 1fr;
        background: $panel;
        color: $foreground;
        &:ansi { background: ansi_default; }
    }
    """

    def on_mount(self) -> None:
        self._listen(self.screen)
        self.app.screen_change_signal.subscribe(self, self._listen)

    def _listen(self, screen: Screen[Any]) -> None:
        """Keys change with the focus, and with the dialog that comes or goes."""

        def changed(_screen: Screen[Any]) -> None:
            self.refresh()

        if screen is self.screen or screen.is_modal:
            screen.bindings_updated_signal.subscribe(self, changed)
        self.refresh()

    def render(self) -> Content:
        own, everywhere = self._bindings_to_show()
        everywhere = everywhere[-SHOWN:]
        own = own[: SHOWN - len(everywhere)]
        while own and _width(self._items([*own, *everywhere])) > self.size.width:
            own.pop()
        return Content.assemble(*self._items([*own, *everywhere])).truncate(self.size.width)

    def _bindings_to_show(self) -> tuple[list[Binding], list[Binding]]:
        """Those of widgets and screens, and those of the app; one binding for each action."""
        own: dict[str, Binding] = {}
        everywhere: dict[str, Binding] = {}
        screen = self.app.screen if self.app.screen.is_modal else self.screen
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.description and active.enabled:
                (everywhere if active.node is self.app else own).setdefault(binding.action, binding)
        order = [binding.action for binding in self.app.BINDINGS if isinstance(binding, Binding)]
        return list(own.values()), sorted(everywhere.values(), key=lambda each: order.index(each.action))

    def _items(self, bindings: Iterable[Binding]) -> list[Content]:
        key_style = Style.parse("bold $footer-key-foreground")
        items: list[Content] = []
        for binding in bindings:
            press = Style.from_meta({"@click": f"app.simulate_key({binding.key!r})"})
            item = Content.assemble(
                " ", (self.app.get_key_display(binding), key_style), " ", _(binding.description), " "
            )
            items.append(item.stylize(press))
        return items


def _width(items: Iterable[Content]) -> int:
    return sum(item.cell_length for item in items)

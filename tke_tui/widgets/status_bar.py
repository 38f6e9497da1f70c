"""The last line of every screen: the keys that matter most right now, seven at most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from tke_tui.messages import _

SHOWN = 7
"""More keys than these nobody reads; the rest is in the help and in the command palette."""


class StatusBar(Widget):
    """Shows each active binding that wants to be shown: the focused widget's first, then the screen's, the app's last.

    Below a dialog they are the dialog's: the others would not do anything.

    When the line is too short, keys before the app's own give way.
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

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Binding] = []

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
        while own and _width(map(self._item, (*own, *everywhere))) > self.size.width:
            own.pop()
        self._shown = [*own, *everywhere]
        return Content.assemble(*map(self._item, self._shown)).truncate(self.size.width)

    def on_click(self, event: Click) -> None:
        """A click on a key does what the key does."""
        end = 0
        for binding in self._shown:
            end += self._item(binding).cell_length
            if event.x < end:
                self.app.simulate_key(binding.key)
                return

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

    def _item(self, binding: Binding) -> Content:
        key = (self.app.get_key_display(binding), Style.parse("bold $footer-key-foreground"))
        return Content.assemble(" ", key, " ", _(binding.description), " ")


def _width(items: Iterable[Content]) -> int:
    return sum(item.cell_length for item in items)

"""The title of a part of a form; one that can be folded shows whether it is, and how much is set inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tke_tui.messages import N_, n_


class Fold(Widget, can_focus=True):
    """`[+] Title (2 set)`, to be opened with enter or space."""

    BINDING_GROUP_TITLE = N_("This part")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "turn_over", N_("open or fold"), id="fold.toggle"),
    ]
    DEFAULT_CSS = """
    Fold {
        height: 1;
        width: 1fr;
        color: $foreground;
        &:focus { color: $accent; text-style: bold; background: $panel; }
        &:ansi:focus { text-style: reverse; }
    }
    """

    opened: reactive[bool] = reactive(False)
    count: reactive[int] = reactive(0)
    wrong: reactive[bool] = reactive(False)

    @dataclass
    class Toggled(Message):
        """Somebody opened or folded the part."""

        fold: Fold
        opened: bool

    def __init__(self, title: str, *, opened: bool = False) -> None:
        super().__init__()
        self.title = title
        self.set_reactive(Fold.opened, opened)

    def render(self) -> Content:
        parts: list[str | Content | tuple[str, str]] = ["[-] " if self.opened else "[+] ", self.title]
        if self.wrong:
            parts.append((" !", "bold $error"))
        if self.count:
            parts.append(
                (
                    f"  ({n_('{count} set', '{count} set', self.count).format(count=self.count)})",
                    "$text-muted",
                )
            )
        return Content.assemble(*parts)

    def on_click(self) -> None:
        self.action_turn_over()

    def action_turn_over(self) -> None:
        self.opened = not self.opened
        self.post_message(self.Toggled(self, self.opened))

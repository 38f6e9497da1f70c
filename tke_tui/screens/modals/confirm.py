"""A question that is answered with no unless somebody says yes."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal


class ConfirmModal(TkeModal[bool]):
    """`title`, `text` and `yes` (the label of the button that agrees) are shown literally. True, or None."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", N_("yes"), id="confirm.yes"),
        Binding("n", "back", N_("no"), id="confirm.no"),
        Binding("left", "app.focus_previous", N_("button before"), id="confirm.before", show=False),
        Binding("right", "app.focus_next", N_("next button"), id="confirm.after", show=False),
    ]

    def __init__(self, title: str, text: str, yes: str) -> None:
        super().__init__()
        self._title, self._text, self._yes = title, text, yes

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(self._text, markup=False)
            with Horizontal(classes="buttons"):
                yield Button(self._yes, id="yes")
                yield Button(_("No"), id="no")

    @on(Button.Pressed, "#yes")
    def action_yes(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#no")
    def _no(self) -> None:
        self.dismiss(None)

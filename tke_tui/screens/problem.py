"""A failure in words: what, why, what to do."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from tke_tui.core.errors import TkeError
from tke_tui.messages import _
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless


class ProblemModal(TkeModal[None]):
    """Shows the title, detail, evidence and fix of an error, literally; enter or escape closes it."""

    AUTO_FOCUS = "#close"

    def __init__(self, error: TkeError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        error = self.error
        with VerticalScroll(classes="dialog", can_focus=False) as dialog:
            dialog.border_title = _("It did not work")
            yield Static(harmless(error.title), markup=False, classes="error-text", id="title")
            if error.detail:
                yield Static(harmless(error.detail), markup=False, id="detail")
            if error.evidence is not None:
                lines = [error.evidence.command, *error.evidence.output]
                text = "\n".join(line for line in lines if line)
                if text:
                    yield Static(harmless(text), markup=False, classes="muted", id="evidence")
            if error.fix:
                yield Static(_("What to do"), classes="heading")
                yield Static(harmless(error.fix), markup=False, id="fix")
            with Horizontal(classes="buttons"):
                yield Button(_("Close"), id="close")

    def on_button_pressed(self) -> None:
        self.dismiss(None)

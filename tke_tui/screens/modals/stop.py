"""Stopping an installation has to be typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal

WORD = "stop"


class StopModal(TkeModal[bool]):
    """True once the name of the cluster, or `stop`, was typed; None otherwise."""

    AUTO_FOCUS = "#word"
    HELP: ClassVar[str | None] = N_(
        "What runs on the machines is ended, and everything that was done is kept. Continue with `tke-tui --resume`. "
        "To leave and let the installation go on, press **Esc**, then **Ctrl+Q** and detach."
    )

    def __init__(self, cluster_name: str) -> None:
        super().__init__()
        self._words = {word for word in (WORD, cluster_name.strip()) if word}
        self._name = cluster_name.strip()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Stop the installation")
            yield Static(
                _("What runs on the machines is ended. What was done is kept; continue later with:"),
                markup=False,
            )
            yield Static(f"  {self.app.command_line('--resume')}", markup=False)
            yield Static(self._question(), markup=False, id="question")
            word = Input(id="word", compact=True)
            word.cursor_blink = False
            yield word
            with Horizontal(classes="buttons"):
                yield Button(_("Stop"), id="stop", disabled=True)
                yield Button(_("Let it go on"), id="cancel")

    def _question(self) -> str:
        if self._name and self._name != WORD:
            return _("To stop, type {name} or stop:").format(name=self._name)
        return _("To stop, type stop:")

    @property
    def _typed(self) -> bool:
        return self.query_one(Input).value.strip() in self._words

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#stop", Button).disabled = not self._typed

    @on(Input.Submitted)
    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        if self._typed:
            self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

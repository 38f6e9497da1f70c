"""Asks for a file on this host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from tke_tui.core.errors import TkeError
from tke_tui.messages import _
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless
from tke_tui.widgets.path_input import PathInput


class AskPathModal(TkeModal[Path]):
    """Gives the path that was typed, once `accept` takes it; its `TkeError` is shown below the line.

    `title` and `help_text` are shown as they are given, in the language in use.
    """

    AUTO_FOCUS = "#path"

    def __init__(self, title: str, help_text: str, accept: Callable[[Path], object], value: str = "") -> None:
        super().__init__()
        self._title, self._help_text, self._accept, self._value = title, help_text, accept, value

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield PathInput(self._value, id="path", placeholder="~/tke.json")
            yield Static(self._help_text, markup=False, classes="muted", id="path-help")
            with Horizontal(classes="buttons"):
                yield Button(_("Open"), id="open")
                yield Button(_("Cancel"), id="cancel")

    @on(PathInput.Changed)
    def _typed(self) -> None:
        self._say(self._help_text, wrong=False)

    @on(PathInput.Submitted)
    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        path = self.query_one(PathInput).path
        if path is None:
            self._say(_("Type the path of a file first."), wrong=True)
            return
        try:
            self._accept(path)
        except TkeError as error:
            parts = (error.title, error.detail, error.fix)
            self._say(harmless("\n".join(part for part in parts if part)), wrong=True)
            return
        self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    def _say(self, text: str, *, wrong: bool) -> None:
        line = self.query_one("#path-help", Static)
        line.update(text)
        line.set_class(wrong, "error-text")
        line.set_class(not wrong, "muted")

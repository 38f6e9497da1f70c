"""Saves what was filled in as a document."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from tke_tui.core.errors import TkeError
from tke_tui.forms.draft import Draft
from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal
from tke_tui.terminal import harmless
from tke_tui.widgets.choosers import Radios
from tke_tui.widgets.editors import Edited
from tke_tui.widgets.path_input import PathInput

_SECRETS = (("reveal", N_("with passwords")), ("mask", N_("without, to show it")))


class SaveDraftModal(TkeModal[Path]):
    """Asks for the file and writes it; gives its path. An existing other file is only replaced when asked again."""

    AUTO_FOCUS = "#path"

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self.draft = draft
        self._secrets = "reveal"
        self._asked_about: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Save as a file")
            yield PathInput(str(self.draft.file or "~/tke.json"), id="path")
            yield Radios("secrets", self._secrets, [(name, _(label)) for name, label in _SECRETS])
            yield Static(self._about(), markup=False, classes="muted", id="path-help")
            with Horizontal(classes="buttons"):
                yield Button(_("Save"), id="save")
                yield Button(_("Cancel"), id="cancel")

    def on_edited(self, event: Edited) -> None:
        event.stop()
        self._secrets = event.value
        self._say(self._about(), wrong=False)

    @on(PathInput.Changed)
    def _typed(self) -> None:
        self._say(self._about(), wrong=False)

    @on(PathInput.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        path = self.query_one(PathInput).path
        if path is None:
            self._say(_("Type the path of a file first."), wrong=True)
            return
        if path.exists() and path not in (self.draft.file, self._asked_about):
            self._asked_about = path
            self._say(_("This file exists. Save once more to replace it."), wrong=True)
            return
        try:
            self.draft.save(path, "mask" if self._secrets == "mask" else "reveal")
        except TkeError as error:
            parts = (error.title, error.detail, error.fix)
            self._say(harmless("\n".join(part for part in parts if part)), wrong=True)
            return
        self.app.notify(_("Saved as {file}").format(file=harmless(str(path))), markup=False)
        self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    def _about(self) -> str:
        if self._secrets == "mask":
            return _("Passwords and keys are replaced by ******: to be read, not to be installed.")
        return _("Passwords and keys are in it: readable by you only. YAML when it ends in .yaml, else JSON.")

    def _say(self, text: str, *, wrong: bool) -> None:
        line = self.query_one("#path-help", Static)
        line.update(text)
        line.set_class(wrong, "error-text")
        line.set_class(not wrong, "muted")

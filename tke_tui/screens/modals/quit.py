"""Leaving while an engine is at work: it goes on. Ending it is another matter, and asked for once more."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeModal
from tke_tui.screens.obeyed import in_control, stop_after_asking


class QuitModal(TkeModal[None]):
    """Detach (the default), stop the installation, or stay. Does it by itself."""

    AUTO_FOCUS = "#detach"
    HELP = N_(
        "The installation runs in a process of its own. **Detach** only closes this window. **Stop** ends what runs on "
        "the machines; nothing is lost, and it can be continued."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "detach", N_("detach"), id="quit.detach"),
        Binding("s", "stop", N_("stop the installation"), id="quit.stop"),
        Binding("left,up", "app.focus_previous", N_("button before"), id="quit.before", show=False),
        Binding("right,down", "app.focus_next", N_("next button"), id="quit.after", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _("Leave")
            yield Static(_("The installation goes on when you detach. Come back with:"), markup=False)
            yield Static(f"  {self.app.command_line('attach')}", markup=False, id="way-back")
            if not in_control(self.app):
                yield Static(
                    _("You are only watching: somebody else may stop it."), classes="muted", markup=False
                )
            with Horizontal(classes="buttons"):
                yield Button(_("Detach"), id="detach")
                yield Button(_("Stop the installation"), id="stop", disabled=not in_control(self.app))
                yield Button(_("Stay"), id="stay")

    @on(Button.Pressed, "#detach")
    def action_detach(self) -> None:
        self.dismiss(None)
        self.app.leave()

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        if in_control(self.app):
            self.dismiss(None)
            stop_after_asking(self.app)

    @on(Button.Pressed, "#stay")
    def _stay(self) -> None:
        self.dismiss(None)

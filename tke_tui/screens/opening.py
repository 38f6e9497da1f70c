"""The frame of the dashboard: on the screen at once, while all that fills it is still being loaded."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from tke_tui.messages import _
from tke_tui.screens.base import TkeScreen


class OpeningScreen(TkeScreen[None]):
    """Gives way to the dashboard as soon as it has been painted."""

    DEFAULT_CSS = """
    OpeningScreen {
        #summary { height: 1; }
        #upper { height: 3fr; }
        #steps { width: 28; height: 1fr; }
        #matrix { width: 1fr; height: 1fr; }
        #lower { height: 2fr; }
    }
    """

    def body(self) -> ComposeResult:
        yield Static(id="summary")
        with Horizontal(id="upper"):
            yield _pane("steps", _("1 Steps"))
            yield _pane("matrix", _("2 Machines and handlers"))
        yield _pane("lower", _("3 Log"))

    def on_mount(self) -> None:
        self.set_title(_("waiting for the engine"))
        self.call_after_refresh(self.app.show_dashboard)


def _pane(name: str, title: str) -> Static:
    pane = Static(id=name, classes="pane")
    pane.border_title = title
    return pane

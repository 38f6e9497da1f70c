"""Commands to the engine from any screen: who may give them, and what happens when the engine says no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tke_tui.core.errors import TkeError
from tke_tui.messages import _

if TYPE_CHECKING:
    from tke_tui.app import TkeApp


def in_control(app: TkeApp) -> bool:
    """Whether commands of this client are obeyed: it is in control, or nobody is and it may be."""
    return app.attached and not app.context.read_only and (app.view.mine or not app.view.controller)


def refused(app: TkeApp) -> bool:
    """Tell somebody who only watches how to get control; True when that is so."""
    if in_control(app):
        return False
    app.notify(
        _("You are only watching. Press T on the dashboard to take over."), severity="warning", markup=False
    )
    return True


async def obey(app: TkeApp, command: Callable[[], Awaitable[object]]) -> bool:
    """Give a command; what the engine says against it is shown. True when it was obeyed."""
    try:
        await command()
    except TkeError as error:
        app.fail(error)
        return False
    return True


def stop_after_asking(app: TkeApp) -> None:
    """Ask for the word that stops the installation, then stop it."""
    from tke_tui.screens.modals.stop import StopModal

    def answered(yes: bool | None) -> None:
        if yes:
            app.run_worker(obey(app, lambda: app.client.stop()), group="command", exit_on_error=False)

    if not refused(app):
        app.push_screen(StopModal(app.place), answered)

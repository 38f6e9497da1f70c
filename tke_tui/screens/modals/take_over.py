"""One client gives the commands at a time."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.messages import N_, _
from tke_tui.screens.modals.confirm import ConfirmModal
from tke_tui.terminal import harmless


class TakeOverModal(ConfirmModal):
    """True when this client is to give the commands from now on. `holder` is who does: "root on pts/3 since 14:02"."""

    HELP: ClassVar[str | None] = N_(
        "Several people may watch an installation; one of them retries, skips and stops. Whoever takes over gets this "
        "right, and the other one only watches from then on. The installation itself goes on."
    )

    def __init__(self, holder: str) -> None:
        who = _("{holder} is in control of this installation.").format(holder=harmless(holder))
        nobody = _("Nobody is in control of this installation.")
        text = _("When you take over, only you can retry, skip and stop; all others watch.")
        super().__init__(_("Take over"), f"{who if holder else nobody}\n{text}", _("Take over"))

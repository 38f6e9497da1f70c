"""Before a secret is shown on a screen that others may see."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.messages import N_, _
from tke_tui.screens.modals.confirm import ConfirmModal


class RevealModal(ConfirmModal):
    """True when the password is to be shown."""

    HELP: ClassVar[str | None] = N_(
        "The password stays on the screen until you hide it again, leave the screen, or a minute has passed. It can "
        "also be copied without being shown."
    )

    def __init__(self) -> None:
        super().__init__(
            _("Show the password"),
            _("Everybody who sees this screen can read it, also in a shared or recorded terminal. Show it?"),
            _("Show it"),
        )

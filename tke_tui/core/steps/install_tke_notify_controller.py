"""Install tke-notify-controller: sends the messages."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKENotifyController(InstallComponent):
    """It calls tke-notify-api only."""

    name: ClassVar[str] = "Install tke-notify-controller"
    title: ClassVar[str] = "Install the controller of notifications"
    needs: ClassVar[tuple[Need, ...]] = (*CERTIFICATES, Need("Install tke-notify-api"))
    component: ClassVar[str] = "tke-notify-controller"

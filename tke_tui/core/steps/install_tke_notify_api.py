"""Install tke-notify-api: templates, receivers and channels of alarms."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent
from tke_tui.core.task import Need


class InstallTKENotifyAPI(InstallComponent):
    """It comes with monitoring, whose alarms it delivers."""

    name: ClassVar[str] = "Install tke-notify-api"
    title: ClassVar[str] = "Install the API of notifications"
    needs: ClassVar[tuple[Need, ...]] = (*API_NEEDS, Need("Install tke-platform-api"))
    component: ClassVar[str] = "tke-notify-api"

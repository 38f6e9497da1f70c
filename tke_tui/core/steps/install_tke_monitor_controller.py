"""Install tke-monitor-controller: brings collectors to the clusters."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEMonitorController(InstallComponent):
    """The login of the store is in its configuration, which therefore is a Secret."""

    name: ClassVar[str] = "Install tke-monitor-controller"
    title: ClassVar[str] = "Install the controller of monitoring"
    needs: ClassVar[tuple[Need, ...]] = (
        *CERTIFICATES,
        Need("Install tke-monitor-api"),
        Need("Install tke-business-api"),
    )
    component: ClassVar[str] = "tke-monitor-controller"

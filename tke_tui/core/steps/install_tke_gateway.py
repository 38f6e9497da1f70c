"""Install tke-gateway: console and entry to all APIs on ports 80 and 443 of every master."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEGateway(InstallComponent):
    """The last component: the installer's own registry, which the others pull from, may have to free its ports."""

    name: ClassVar[str] = "Install tke-gateway"
    title: ClassVar[str] = "Install the console"
    needs: ClassVar[tuple[Need, ...]] = (
        *CERTIFICATES,
        Need("Install tke-auth-controller"),
        Need("Install tke audit"),
        Need("Install tke-platform-controller"),
        Need("Install tke-registry-api"),
        Need("Install tke-business-controller"),
        Need("Install tke-monitor-controller"),
        Need("Install tke-notify-controller"),
        Need("Install tke-logagent-controller"),
        Need("Stop local registry to give up 80/443 for tke-gateway"),
    )
    component: ClassVar[str] = "tke-gateway"

"""Install tke-platform-controller: installs further clusters and machines."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEPlatformController(InstallComponent):
    """An init container brings the packages for new machines along."""

    name: ClassVar[str] = "Install tke-platform-controller"
    title: ClassVar[str] = "Install the controller of clusters and machines"
    needs: ClassVar[tuple[Need, ...]] = (
        *CERTIFICATES,
        Need("Prepare baremetal provider config"),
        Need("Install tke-platform-api"),
    )
    component: ClassVar[str] = "tke-platform-controller"

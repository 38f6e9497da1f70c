"""Install tke-platform-api: clusters, machines, credentials."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent
from tke_tui.core.task import Need


class InstallTKEPlatformAPI(InstallComponent):
    """It checks clusters with the files of the bare-metal provider."""

    name: ClassVar[str] = "Install tke-platform-api"
    title: ClassVar[str] = "Install the API of clusters and machines"
    needs: ClassVar[tuple[Need, ...]] = (*API_NEEDS, Need("Prepare baremetal provider config"))
    component: ClassVar[str] = "tke-platform-api"

"""Install tke-business-api: projects, their namespaces and their members."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent
from tke_tui.core.task import Need


class InstallTKEBusinessAPI(InstallComponent):
    """It calls the APIs of clusters, of the registry and of the authentication."""

    name: ClassVar[str] = "Install tke-business-api"
    title: ClassVar[str] = "Install the API of business management"
    needs: ClassVar[tuple[Need, ...]] = (
        *API_NEEDS,
        Need("Install tke-platform-api"),
        Need("Install tke-registry-api"),
    )
    component: ClassVar[str] = "tke-business-api"

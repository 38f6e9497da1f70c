"""Install tke-monitor-api: figures of clusters, projects and workloads."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent
from tke_tui.core.task import Need


class InstallTKEMonitorAPI(InstallComponent):
    """The login of the store is in its configuration, which therefore is a Secret."""

    name: ClassVar[str] = "Install tke-monitor-api"
    title: ClassVar[str] = "Install the API of monitoring"
    needs: ClassVar[tuple[Need, ...]] = (
        *API_NEEDS,
        Need("Install tke-platform-api"),
        Need("Install InfluxDB"),
    )
    component: ClassVar[str] = "tke-monitor-api"

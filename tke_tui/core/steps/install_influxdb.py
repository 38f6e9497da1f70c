"""Install InfluxDB: the store of monitoring data on the first machine."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import InstallComponent
from tke_tui.core.task import Need


class InstallInfluxDB(InstallComponent):
    """It has the address of the first machine and is reached there on port 8086, without a login."""

    name: ClassVar[str] = "Install InfluxDB"
    title: ClassVar[str] = "Install InfluxDB for monitoring"
    needs: ClassVar[tuple[Need, ...]] = (Need("Create namespace for install TKE"),)
    component: ClassVar[str] = "influxdb"

"""Install tke-logagent-api: rules of log collection."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent
from tke_tui.core.task import Need


class InstallTKELogagentAPI(InstallComponent):
    """It is always installed, as in the original."""

    name: ClassVar[str] = "Install tke-logagent-api"
    title: ClassVar[str] = "Install the API of log collection"
    needs: ClassVar[tuple[Need, ...]] = (*API_NEEDS, Need("Install tke-platform-api"))
    component: ClassVar[str] = "tke-logagent-api"

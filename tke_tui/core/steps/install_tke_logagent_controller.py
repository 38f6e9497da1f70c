"""Install tke-logagent-controller: brings log collectors to the clusters."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKELogagentController(InstallComponent):
    """The collectors' images come from the registry of the input."""

    name: ClassVar[str] = "Install tke-logagent-controller"
    title: ClassVar[str] = "Install the controller of log collection"
    needs: ClassVar[tuple[Need, ...]] = (
        *CERTIFICATES,
        Need("Install tke-logagent-api"),
        Need("Install tke-registry-api"),
    )
    component: ClassVar[str] = "tke-logagent-controller"

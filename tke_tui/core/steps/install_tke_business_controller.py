"""Install tke-business-controller: keeps namespaces in the clusters in step with projects."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEBusinessController(InstallComponent):
    """It calls the same APIs as tke-business-api, and that one itself."""

    name: ClassVar[str] = "Install tke-business-controller"
    title: ClassVar[str] = "Install the controller of business management"
    needs: ClassVar[tuple[Need, ...]] = (*CERTIFICATES, Need("Install tke-business-api"))
    component: ClassVar[str] = "tke-business-controller"

"""Install tke-auth-controller: makes the administrator and the predefined permissions."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEAuthController(InstallComponent):
    """It takes the administrator's password from its configuration, which therefore is a Secret."""

    name: ClassVar[str] = "Install tke-auth-controller"
    title: ClassVar[str] = "Install the controller of the authentication"
    needs: ClassVar[tuple[Need, ...]] = (*CERTIFICATES, Need("Install tke-auth-api"))
    component: ClassVar[str] = "tke-auth-controller"

"""Install tke-auth-api: logins, tokens and permissions of the platform."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEAuthAPI(InstallComponent):
    """All other APIs ask it at their start, so it comes first."""

    name: ClassVar[str] = "Install tke-auth-api"
    title: ClassVar[str] = "Install the platform's authentication"
    needs: ClassVar[tuple[Need, ...]] = (*CERTIFICATES, Need("Install etcd"))
    component: ClassVar[str] = "tke-auth-api"

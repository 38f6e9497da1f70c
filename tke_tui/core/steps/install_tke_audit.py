"""Install tke audit: receives the audit events of all API servers and keeps them in Elasticsearch."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.task import Need


class InstallTKEAudit(InstallComponent):
    """It keeps nothing in etcd."""

    name: ClassVar[str] = "Install tke audit"
    title: ClassVar[str] = "Install the audit of API calls"
    needs: ClassVar[tuple[Need, ...]] = (*CERTIFICATES, Need("Install tke-auth-api"))
    component: ClassVar[str] = "tke-audit-api"

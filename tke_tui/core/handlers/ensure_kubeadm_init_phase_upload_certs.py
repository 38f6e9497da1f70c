"""EnsureKubeadmInitPhaseUploadCerts: the shared certificates, encrypted, for joining machines to fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.api import joins_are_due, uploaded_certs_live
from tke_tui.core.kubeadm.phase import InitPhase, Phase

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseUploadCerts(InitPhase):
    """They expire after two hours; a join that comes later uploads them again (`refresh_join_secrets`)."""

    name: ClassVar[str] = "EnsureKubeadmInitPhaseUploadCerts"
    title: ClassVar[str] = "Upload the shared certificates"
    phase: ClassVar[Phase] = Phase(
        ("upload-certs", "--upload-certs", "--skip-certificate-key-print"),
        "upload-certs",
        parts.cluster_name,
    )

    async def present(self, ctx: Context) -> bool:
        return not joins_are_due(ctx) or await uploaded_certs_live(ctx)

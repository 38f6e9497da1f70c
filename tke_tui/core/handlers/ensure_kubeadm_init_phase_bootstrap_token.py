"""EnsureKubeadmInitPhaseBootstrapToken: the token, and the rights, with which machines join."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.api import bootstrap_token_lives, exist, joins_are_due
from tke_tui.core.kubeadm.phase import InitPhase, Phase

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseBootstrapToken(InitPhase):
    """The token expires after a day; a join that comes later makes it anew (`refresh_join_secrets`)."""

    name: ClassVar[str] = "EnsureKubeadmInitPhaseBootstrapToken"
    title: ClassVar[str] = "Make the bootstrap token"
    phase: ClassVar[Phase] = Phase(
        ("bootstrap-token", "--skip-token-print"),
        "bootstrap-token",
        parts.cluster_name,
    )

    async def present(self, ctx: Context) -> bool:
        if not await exist(ctx, ("v1", "ConfigMap", "cluster-info", "kube-public")):
            return False
        return not joins_are_due(ctx) or await bootstrap_token_lives(ctx)

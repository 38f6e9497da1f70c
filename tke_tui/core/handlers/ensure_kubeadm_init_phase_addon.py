"""EnsureKubeadmInitPhaseAddon: kube-proxy and CoreDNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.api import SYSTEM, exist
from tke_tui.core.kubeadm.phase import InitPhase, Phase

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseAddon(InitPhase):
    name: ClassVar[str] = "EnsureKubeadmInitPhaseAddon"
    title: ClassVar[str] = "Install kube-proxy and CoreDNS"
    phase: ClassVar[Phase] = Phase(
        ("addon", "all"),
        "addon",
        parts.addon,
    )

    async def present(self, ctx: Context) -> bool:
        return await exist(
            ctx,
            ("apps/v1", "DaemonSet", "kube-proxy", SYSTEM),
            ("apps/v1", "Deployment", "coredns", SYSTEM),
        )

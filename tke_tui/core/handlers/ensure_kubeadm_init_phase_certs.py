"""EnsureKubeadmInitPhaseCerts: the CAs and certificates of the control plane on the first machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import cluster_settings, parts
from tke_tui.core.kubeadm.certificates import covers
from tke_tui.core.kubeadm.files import PKI_FILES, remove_torn_pairs
from tke_tui.core.kubeadm.phase import InitPhase, Phase
from tke_tui.core.kubeadm.settings import PKI_DIR

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseCerts(InitPhase):
    """Existing certificates stay, except those that lack a name they need by now: kubeadm would keep them as they are.

    The API server and etcd take up a new certificate file by themselves.
    """

    name: ClassVar[str] = "EnsureKubeadmInitPhaseCerts"
    title: ClassVar[str] = "Make the control plane's certificates"
    phase: ClassVar[Phase] = Phase(
        ("certs", "all"),
        "certs",
        parts.certs,
        products=PKI_FILES,
    )

    async def prepare(self, ctx: Context, *, interrupted: bool) -> None:
        if interrupted:
            await remove_torn_pairs(ctx.node)
        settings = cluster_settings(ctx.para, ctx.bundle)
        needed = {
            "apiserver": settings.cert_sans,
            "etcd/server": settings.etcd_server_sans,
            "etcd/peer": settings.etcd_peer_sans,
        }
        for name, names in needed.items():
            certificate = await ctx.node.read_text(f"{PKI_DIR}/{name}.crt")
            if certificate is not None and not covers(certificate, names):
                await ctx.node.remove(f"{PKI_DIR}/{name}.crt")
                await ctx.node.remove(f"{PKI_DIR}/{name}.key")

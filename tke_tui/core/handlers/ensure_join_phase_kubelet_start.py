"""EnsureJoinPhaseKubeletStart: kubelet gets its certificate from the cluster and registers the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import api, cluster_settings
from tke_tui.core.kubeadm.files import (
    ADMIN_CONF,
    KUBELET_CONF,
    expected_servers,
    remove_foreign_kubeconfigs,
)
from tke_tui.core.kubeadm.joining import JoinPhase
from tke_tui.core.kubeadm.v1beta2 import CRI_SOCKET

if TYPE_CHECKING:
    from tke_tui.core.context import Context

SOCKET_ANNOTATION = "kubeadm.alpha.kubernetes.io/cri-socket"


class EnsureJoinPhaseKubeletStart(JoinPhase):
    """A node that has registered keeps the arguments kubelet was started with; kubeadm would refuse to do it again."""

    name: ClassVar[str] = "EnsureJoinPhaseKubeletStart"
    title: ClassVar[str] = "Start kubelet and register the node"

    async def run(self, ctx: Context) -> None:
        if await self._registered(ctx):
            return
        endpoint = cluster_settings(ctx.para, ctx.bundle).control_plane_endpoint
        expected = expected_servers(endpoint, ctx.node.name)[ADMIN_CONF]
        await remove_foreign_kubeconfigs(ctx.node, {KUBELET_CONF: expected})
        await self.join(ctx, "kubelet-start")

    async def _registered(self, ctx: Context) -> bool:
        """True when kubelet has its credentials and its Node object is there, with what kubeadm notes on it."""
        if not await ctx.node.exists(KUBELET_CONF):
            return False
        node = await api.get(ctx, "v1", "Node", ctx.node.name)
        if node is None:
            return False
        annotations = node["metadata"].get("annotations") or {}
        if annotations.get(SOCKET_ANNOTATION) != CRI_SOCKET and ctx.mutate(
            "note kubelet's socket on the node"
        ):
            patch = {"metadata": {"annotations": {SOCKET_ANNOTATION: CRI_SOCKET}}}
            await (await ctx.kube()).patch("v1", "Node", ctx.node.name, patch)
        return True

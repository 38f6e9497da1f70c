"""EnsureKubeProxyEndpoint: kube-proxy on all nodes watches the cluster through its present address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kube_objects import APPS, SYSTEM, reach, wait_rolled_out
from tke_tui.core.kubeadm import cluster_settings
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

NAME = "kube-proxy"
ANNOTATION = "platform.tkestack.io/api-server"


class EnsureKubeProxyEndpoint(Task):
    """kubeadm writes the address into kube-proxy's settings, which its pods read only when they start.

    So the pods are replaced, node by node, by an annotation of theirs that names the address.
    """

    name: ClassVar[str] = "EnsureKubeProxyEndpoint"
    title: ClassVar[str] = "Lead kube-proxy to the shared address of the API servers"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (
        Need("EnsureControlPlaneEndpoint", On.EVERY),
        Need("EnsureKubeadmInitPhaseAddon", On.FIRST),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return cluster_settings(para, bundle).control_plane_endpoint

    async def run(self, ctx: Context) -> None:
        wanted = cluster_settings(ctx.para, ctx.bundle).control_plane_endpoint
        kube = await reach(ctx)
        found = await kube.get(APPS, "DaemonSet", NAME, SYSTEM) if kube is not None else None
        template = ((found or {}).get("spec") or {}).get("template") or {}
        annotations = (template.get("metadata") or {}).get("annotations") or {}
        if annotations.get(ANNOTATION) != wanted and ctx.mutate(
            "replace the pods of kube-proxy, node by node"
        ):
            patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: wanted}}}}}
            if kube is not None:
                await kube.patch(APPS, "DaemonSet", NAME, patch, SYSTEM)
        await wait_rolled_out(ctx, "DaemonSet", NAME)

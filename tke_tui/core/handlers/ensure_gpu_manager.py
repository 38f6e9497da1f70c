"""EnsureGPUManager: shares of NVIDIA cards as resource `tencent.com/vcuda-core`, and quotas for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kube_objects import Object, apply_all, image_of, wait_rolled_out
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

GPU_TYPE = "Virtual"


class EnsureGPUManager(Task):
    """The quota admission is a pod like any other, so there must be a node without taints; it prefers masters, and
    the manager's nodes are found by a label: both come with EnsureMarkControlPlane.
    """

    name: ClassVar[str] = "EnsureGPUManager"
    title: ClassVar[str] = "Install the GPU manager"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureGalaxy"), Need("EnsureMarkControlPlane", On.EVERY))
    skippable: ClassVar[bool] = True

    def left_out(self, para: CreateClusterPara) -> str | None:
        if para.cluster.spec.features.gpu_type == GPU_TYPE:
            return None
        return f"cluster.spec.features.gpuType is not {GPU_TYPE}"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))
        await wait_rolled_out(ctx, "DaemonSet", "gpu-manager-daemonset")
        await wait_rolled_out(ctx, "Deployment", "gpu-quota-admission")


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    """The manager, and the quota admission at its fixed address in the service network."""
    return [
        *render_manifests("gpu_manager/gpu-manager.yaml.j2", image=image_of(para, bundle, "gpu-manager")),
        *render_manifests(
            "gpu_manager/gpu-quota-admission.yaml.j2",
            image=image_of(para, bundle, "gpu-quota-admission"),
            busybox_image=image_of(para, bundle, "busybox"),
            cluster_ip=ClusterNetwork.from_spec(para.cluster.spec).gpu_quota_ip,
        ),
    ]

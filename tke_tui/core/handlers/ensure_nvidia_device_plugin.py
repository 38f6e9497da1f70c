"""EnsureNvidiaDevicePlugin: whole NVIDIA cards as resource `nvidia.com/gpu`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kube_objects import Object, apply_all, image_of, wait_rolled_out
from tke_tui.core.task import Need, Scope, Task
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

GPU_TYPE = "Physical"


class EnsureNvidiaDevicePlugin(Task):
    """Only for gpuType Physical: with Virtual the GPU manager offers the cards, and two would contend for them."""

    name: ClassVar[str] = "EnsureNvidiaDevicePlugin"
    title: ClassVar[str] = "Install the NVIDIA device plugin"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureGalaxy"),)
    skippable: ClassVar[bool] = True

    def left_out(self, para: CreateClusterPara) -> str | None:
        if para.cluster.spec.features.gpu_type == GPU_TYPE:
            return None
        return f"cluster.spec.features.gpuType is not {GPU_TYPE}"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))
        await wait_rolled_out(ctx, "DaemonSet", "nvidia-device-plugin-daemonset")


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    image = image_of(para, bundle, "nvidia-device-plugin")
    return render_manifests("gpu/nvidia-device-plugin.yaml.j2", image=image)

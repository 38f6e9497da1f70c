"""EnsureNvidiaContainerRuntime: lets containers on labelled machines use the card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.gpu import gpu_machines, no_gpu
from tke_tui.core.remote.packages import install_package
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

RUNTIME = "/usr/bin/nvidia-container-runtime"
TOOLKIT = "/usr/bin/nvidia-container-toolkit"
HOOK = "/usr/bin/nvidia-container-runtime-hook"


class EnsureNvidiaContainerRuntime(Task):
    name: ClassVar[str] = "EnsureNvidiaContainerRuntime"
    title: ClassVar[str] = "Install the NVIDIA container runtime"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return no_gpu(para)

    def machines(self, para: CreateClusterPara) -> list[Machine]:
        return gpu_machines(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return bundle.manifest.packages.get("nvidia-container-runtime")

    async def run(self, ctx: Context) -> None:
        await install_package(ctx, "nvidia-container-runtime", target="/", provides=(RUNTIME, TOOLKIT))
        await ctx.node.link(HOOK, TOOLKIT)

"""EnsureNvidiaDriver: the kernel driver of NVIDIA cards on labelled machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.gpu import gpu_machines, no_gpu
from tke_tui.core.remote.packages import architecture, unpacked
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureNvidiaDriver(Task):
    """A driver that already works is kept, whatever its version."""

    name: ClassVar[str] = "EnsureNvidiaDriver"
    title: ClassVar[str] = "Install the NVIDIA driver"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return no_gpu(para)

    def machines(self, para: CreateClusterPara) -> list[Machine]:
        return gpu_machines(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return bundle.manifest.packages.get("NVIDIA")

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        if await node.ok("nvidia-smi"):
            return
        package = ctx.bundle.package("NVIDIA", await architecture(node))
        async with unpacked(ctx, package) as staging:
            await node.change(
                f"install the NVIDIA driver {package.version}",
                *("sh", f"{staging}/NVIDIA.run", "-s"),
                timeout=1800,
                fix=f"See /var/log/nvidia-installer.log on {node.name}; usually the compiler or the headers of the "
                "running kernel are missing. Then continue with --resume.",
            )
        await node.change(
            "try the NVIDIA driver",
            "nvidia-smi",
            fix="A driver of the distribution (nouveau) may hold the card: blacklist it and reboot the machine.",
        )

"""EnsureConntrackTools: the `conntrack` command, which kube-proxy and kubeadm ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.remote.packages import install_package, staging_directory
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


PACKAGE = "conntrack-tools"


class EnsureConntrackTools(Task):
    """A machine whose own `conntrack` works is left alone: the package brings another distribution's libraries."""

    name: ClassVar[str] = "EnsureConntrackTools"
    title: ClassVar[str] = "Install conntrack"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return bundle.manifest.packages.get(PACKAGE)

    async def run(self, ctx: Context) -> None:
        half_installed = await ctx.node.exists(staging_directory(PACKAGE))
        if not half_installed and await ctx.node.ok("conntrack", "--version"):
            return
        await install_package(ctx, PACKAGE, target="/", provides=())
        await ctx.node.change(
            "try conntrack",
            *("conntrack", "--version"),
            fix=f"Install conntrack from the distribution of {ctx.node.name}, then continue with --resume.",
        )

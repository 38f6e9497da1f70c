"""EnsureKeepalivedInit: the VIP on the first machine, and on no other while they have no API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers import keepalived, vip_rules
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.task import Need, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureKeepalivedInit(Task):
    """keepalived's pod is started by kubelet itself, so the VIP is there before the first API server.

    Rules of an earlier installation are cleared on all machines: they would lead the VIP to API servers that are
    not there yet. On a machine with an API server they are those of EnsureKeepalivedWithLB and stay.
    """

    name: ClassVar[str] = "EnsureKeepalivedInit"
    title: ClassVar[str] = "Bring up the virtual IP on the first machine"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureClusterComplete"),)

    def left_out(self, para: CreateClusterPara) -> str | None:
        return without_keepalived(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        if machine is None or machine.ip != para.first.ip:
            return para.vip
        return keepalived.settings_of(para, bundle, machine).as_inputs()

    async def run(self, ctx: Context) -> None:
        vip = ctx.para.vip
        if vip is not None and not await ctx.node.exists(manifest("kube-apiserver")):
            await vip_rules.clear(ctx, vip_rules.all_balancing_rules(ctx.para, vip))
        if ctx.node.name == ctx.para.first.ip:
            await keepalived.install(ctx)


def without_keepalived(para: CreateClusterPara) -> str | None:
    """Why this input has no keepalived, None when it has."""
    if para.ha is None or para.ha.tke is None:
        return "Config.ha.tke is not set"
    return None

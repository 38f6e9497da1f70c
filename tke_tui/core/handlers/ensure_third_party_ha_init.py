"""EnsureThirdPartyHAInit: the first machine reaches its own API server by the load balancer's address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers import vip_rules
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.remote import iptables
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureThirdPartyHAInit(Task):
    """Other machines must not be redirected while they have no API server of their own: they go by the balancer."""

    name: ClassVar[str] = "EnsureThirdPartyHAInit"
    title: ClassVar[str] = "Lead the load balancer's address to the first API server"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return without_balancer(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return para.advertise

    async def run(self, ctx: Context) -> None:
        if ctx.para.advertise is None:
            return
        rule = vip_rules.redirect_rule(*ctx.para.advertise)
        if ctx.node.name == ctx.para.first.ip:
            await iptables.ensure(ctx.node, rule)
        elif not await ctx.node.exists(manifest("kube-apiserver")):
            await iptables.remove(ctx.node, rule)


def without_balancer(para: CreateClusterPara) -> str | None:
    """Why this input has no load balancer, None when it has."""
    if para.ha is None or para.ha.third_party is None or para.ha.tke is not None:
        return "Config.ha.thirdParty is not set"
    return None

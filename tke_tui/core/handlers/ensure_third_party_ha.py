"""EnsureThirdPartyHA: every master reaches the API server beside it by the load balancer's address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers import vip_rules
from tke_tui.core.handlers.ensure_third_party_ha_init import without_balancer
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureThirdPartyHA(Task):
    """Many balancers cannot send a connection back to the machine it came from."""

    name: ClassVar[str] = "EnsureThirdPartyHA"
    title: ClassVar[str] = "Lead the load balancer's address to the own API server"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return without_balancer(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return para.advertise

    async def run(self, ctx: Context) -> None:
        if ctx.para.advertise is not None:
            await vip_rules.keep(ctx.node, (vip_rules.redirect_rule(*ctx.para.advertise),))

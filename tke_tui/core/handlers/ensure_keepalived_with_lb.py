"""EnsureKeepalivedWithLB: every master can take over the VIP, and spreads what arrives there over all API servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.handlers import keepalived, vip_rules
from tke_tui.core.handlers.ensure_keepalived_init import without_keepalived
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TIMEOUT = 180.0


class EnsureKeepalivedWithLB(Task):
    """Only once every master has a sound API server: joining machines must not be led to one that is not up yet."""

    name: ClassVar[str] = "EnsureKeepalivedWithLB"
    title: ClassVar[str] = "Share the virtual IP and balance it"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (
        Need("EnsureKubeadmInitPhaseAddon", On.FIRST),
        Need("EnsurePatchAnnotation", On.EVERY),
    )

    def left_out(self, para: CreateClusterPara) -> str | None:
        return without_keepalived(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        if machine is None:
            return []
        network = ClusterNetwork.from_spec(para.cluster.spec)
        settings = keepalived.settings_of(para, bundle, machine).as_inputs()
        return [settings, network.kubernetes_service_ip, bool(para.cluster.spec.features.ipvs)]

    async def run(self, ctx: Context) -> None:
        ipvs = bool(ctx.para.cluster.spec.features.ipvs)
        settings = keepalived.settings_of(ctx.para, ctx.bundle, ctx.node.machine)
        await keepalived.install(ctx)
        if not ipvs:
            await vip_rules.wait_for_kube_proxy(ctx)
        await vip_rules.keep(ctx.node, vip_rules.balancing_rules(settings.vip, ctx.network, ipvs=ipvs))
        if ctx.mode is Mode.RUN:
            await self._wait(ctx)

    async def _wait(self, ctx: Context) -> None:
        await (await ctx.kube()).wait_for(
            "v1",
            "Pod",
            f"keepalived-{ctx.node.name}",
            "kube-system",
            _ready,
            timeout=TIMEOUT,
            what=f"keepalived to run on {ctx.node.name}",
        )


def _ready(pod: dict[str, Any] | None) -> bool | str:
    if pod is None:
        return "kubelet has not reported it yet"
    status = pod.get("status") or {}
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or []):
        return True
    return f"its phase is {status.get('phase') or 'unknown'}"

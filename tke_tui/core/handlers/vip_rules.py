"""The NAT rules around the VIP, and the unit that puts them back after a reboot."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, NotReady
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote import iptables, systemd
from tke_tui.core.remote.iptables import Rule
from tke_tui.core.remote.waiting import until
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.node import Node

UNIT = "tke-vip-rules.service"
SCRIPT = "/var/lib/tke-tui/vip-rules"
CHAIN_SECONDS = 180.0


def service_chain(namespace: str, service: str, port: str, protocol: str = "tcp") -> str:
    """Name of the chain in which kube-proxy (iptables mode) spreads a service port over its endpoints.

    Source: `servicePortChainName` in Kubernetes' pkg/proxy/iptables.
    """
    digest = hashlib.sha256(f"{namespace}/{service}:{port}{protocol}".encode()).digest()
    return f"KUBE-SVC-{base64.b32encode(digest).decode('ascii')[:16]}"


API_SERVER_CHAIN = service_chain("default", "kubernetes", "https")


def balancing_rules(vip: str, network: ClusterNetwork, *, ipvs: bool) -> tuple[Rule, ...]:
    """Rules that spread what arrives for the VIP over all API servers, in the order in which to put each first.

    The answer must come back the same way: the rule that marks for masquerading is put last, hence on top.
    """
    match = ("-d", f"{vip}/32", "-p", "tcp", "--dport", str(API_SERVER_PORT))
    if ipvs:
        target: tuple[str, ...] = ("-j", "DNAT", "--to-destination", f"{network.kubernetes_service_ip}:443")
    else:
        target = ("-j", API_SERVER_CHAIN)
    return tuple(
        Rule("nat", chain, (*match, *end))
        for chain in ("PREROUTING", "OUTPUT")
        for end in (target, ("-j", "KUBE-MARK-MASQ"))
    )


def redirect_rule(vip: str, vport: int) -> Rule:
    """What a master sends to the load balancer goes to itself: many balancers cannot send it back to it."""
    match = ("-d", f"{vip}/32", "-p", "tcp", "--dport", str(vport))
    return Rule("nat", "OUTPUT", (*match, "-j", "REDIRECT", "--to-ports", str(API_SERVER_PORT)))


def all_balancing_rules(para: CreateClusterPara, vip: str) -> tuple[Rule, ...]:
    """Those of both modes of kube-proxy, to clear what an earlier installation left."""
    network = ClusterNetwork.from_spec(para.cluster.spec)
    return (*balancing_rules(vip, network, ipvs=False), *balancing_rules(vip, network, ipvs=True))


async def clear(ctx: Context, rules: tuple[Rule, ...]) -> None:
    for rule in dict.fromkeys(rules):
        await iptables.remove(ctx.node, rule)


async def wait_for_kube_proxy(ctx: Context) -> None:
    """Until kube-proxy has made the API server's chain on this machine. Raises `NotReady`."""
    if ctx.mode is not Mode.RUN:
        return

    async def there() -> bool:
        return await iptables.chain_exists(ctx.node, "nat", API_SERVER_CHAIN)

    if await until(there, timeout=CHAIN_SECONDS):
        return
    raise NotReady(
        f"{ctx.node.name}: kube-proxy has not set up the API server's service",
        detail=f"there is no chain {API_SERVER_CHAIN} in the nat table",
        fix="See `kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy` and the log of the pod on this "
        "machine. If it runs, it uses another back end of iptables (legacy or nf_tables) than the machine: make "
        "them the same with `update-alternatives --config iptables`. Then continue with --resume.",
        evidence=Evidence(f"iptables -t nat -S {API_SERVER_CHAIN}", 1),
    )


async def keep(node: Node, rules: tuple[Rule, ...]) -> None:
    """Put the rules in place now, and again after every boot."""
    for rule in rules:
        await iptables.ensure(node, rule)
    script = render("keepalived/vip-rules.sh.j2", commands=iptables.ensure_script(rules))
    await node.write_file(SCRIPT, script)
    await systemd.install_unit(node, UNIT, render("keepalived/tke-vip-rules.service.j2", script=SCRIPT))

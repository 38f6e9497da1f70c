"""Reaching an API server from a machine: the address behind which all are, or the one to join through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.context import Mode
from tke_tui.core.errors import CommandFailed, Evidence, NotReady
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote.waiting import until

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.node import Node

KUBECONFIG = "/root/.kube/config"
TIMEOUT = 120.0
LAST_JOIN_PHASE = "EnsureJoinPhaseControlPlaneJoinETCD"


async def answers(node: Node, endpoint: str) -> bool:
    """True when `https://<endpoint>` is a healthy API server of this cluster, as seen from `node`."""
    return (await _ask(node, endpoint))[0]


async def wait_for_advertised(ctx: Context) -> None:
    """Wait until the VIP (keepalived's or the load balancer's) leads to an API server, as seen from this machine.

    Without high availability there is nothing to wait for. Raises `NotReady`.
    """
    if ctx.para.advertise is None or ctx.mode is not Mode.RUN:
        return
    host, port = ctx.para.advertise
    endpoint, node, last = f"{host}:{port}", ctx.node, ""

    async def there() -> bool:
        nonlocal last
        good, last = await _ask(node, endpoint)
        return good

    if await until(there, timeout=TIMEOUT):
        return
    ours = ctx.para.ha is not None and ctx.para.ha.tke is not None
    raise NotReady(
        f"{node.name}: the API server cannot be reached at {endpoint}",
        detail=last or "no answer",
        fix=(
            f"Is {host} free, in the machines' network, and is VRRP (IP protocol 112) let through between them? "
            f"See `docker logs` of keepalived on {ctx.para.first.ip}. Then continue with --resume."
            if ours
            else f"The load balancer must forward {endpoint} to port {API_SERVER_PORT} of {ctx.para.first.ip}, and "
            "accept connections from the masters themselves. Then continue with --resume."
        ),
        evidence=Evidence(f"kubectl --server=https://{endpoint} get --raw=/healthz", None, (last,)),
    )


async def join_endpoint(ctx: Context) -> str:
    """host:port of the API server to join through: the first machine's, else that of another one that is up.

    Raises `NotReady` when none answers. A plan takes the first machine's.
    """
    others = [
        machine.ip
        for machine in ctx.para.machines[1:]
        if machine.ip != ctx.node.name and ctx.services.finished(LAST_JOIN_PHASE, machine.ip)
    ]
    candidates = [f"{host}:{API_SERVER_PORT}" for host in (ctx.para.first.ip, *others)]
    if ctx.mode is not Mode.RUN:
        return candidates[0]
    said = []
    for endpoint in candidates:
        good, text = await _ask(ctx.node, endpoint)
        if good:
            return endpoint
        said.append(f"{endpoint}: {text}")
    raise NotReady(
        f"{ctx.node.name}: no API server can be reached to join the cluster",
        detail=said[0],
        fix=f"Port {API_SERVER_PORT} of the first machine must be reachable from {ctx.node.name}: check firewalls "
        "and the API server there, then continue with --resume.",
        evidence=Evidence(output=tuple(said)),
    )


async def _ask(node: Node, endpoint: str) -> tuple[bool, str]:
    try:
        result = await node.read(
            *("kubectl", f"--kubeconfig={KUBECONFIG}", f"--server=https://{endpoint}"),
            *("--request-timeout=5s", "get", "--raw=/healthz"),
            check=False,
            timeout=20,
        )
    except CommandFailed as error:
        return False, error.title
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return result.exit_code == 0, lines[-1] if lines else ""

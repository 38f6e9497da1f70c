"""The ports of the control plane, of kubelet and of the console are free on each machine."""

from __future__ import annotations

import re
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.installer_host import is_own_address
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, installed_by_us

CLUSTER_PORTS = {
    2379: "etcd clients",
    2380: "etcd peers",
    6443: "kube-apiserver",
    10249: "kube-proxy metrics",
    10250: "kubelet",
    10251: "kube-scheduler",
    10252: "kube-controller-manager",
    10256: "kube-proxy health",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
}
GATEWAY_PORTS = {80: "console and registry", 443: "console and registry"}

_PROCESS = re.compile(r'\(\("([^"]+)",pid=(\d+)')


class Ports(NodeProbe):
    name: ClassVar[str] = "Port"
    checks: ClassVar[tuple[str, ...]] = tuple(
        f"Port-{port}" for port in sorted(CLUSTER_PORTS | GATEWAY_PORTS)
    )

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        wanted = dict(CLUSTER_PORTS)
        # On the installer's own machine the local registry has these ports first; `InstallerPort` looks at them.
        lent = ctx.para.tke_registry and is_own_address(node.name)
        if ctx.para.config.gateway is not None and not lent:
            wanted |= GATEWAY_PORTS
        taken = listening((await node.read("ss", "-ltnp")).stdout)
        ours = installed_by_us(ctx, node)
        found = []
        for port, purpose in sorted(wanted.items()):
            check = f"{self.name}-{port}"
            if port not in taken or ours:
                found.append(self.ok(node.name, check=check))
            else:
                fix = f"Stop it, {purpose} need the port" if taken[port] else f"Free the port for {purpose}"
                found.append(self.error(node.name, f"port {port} is in use{taken[port]}", fix, check=check))
        return found


def listening(table: str) -> dict[int, str]:
    """Local TCP ports in the output of `ss -ltnp`, each with ` by <process> (pid)` where that is known."""
    ports: dict[int, str] = {}
    for line in table.splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        port = fields[3].rpartition(":")[2]
        process = _PROCESS.search(line)
        if port.isdigit():
            ports[int(port)] = f" by {process[1]} ({process[2]})" if process else ""
    return ports

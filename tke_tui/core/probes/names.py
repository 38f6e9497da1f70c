"""Host names are different, and hosts files do not contradict the registry's name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.ensure_registry_hosts import registry_hosts
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, Probe
from tke_tui.core.remote.hosts_file import HOSTS, addresses_of


class Hostname(Probe):
    name: ClassVar[str] = "Hostname"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        answers = await asyncio.gather(*(node.read("uname", "-n", check=False) for node in nodes))
        names = [answer.stdout.strip() for answer in answers]
        found = []
        for node, name in zip(nodes, names, strict=True):
            same = [
                other.name
                for other, theirs in zip(nodes, names, strict=True)
                if theirs == name and other != node
            ]
            if same:
                message = f"the host name {name} is also that of {', '.join(same)}"
                found.append(
                    self.error(node.name, message, "Give each machine its own: hostnamectl set-hostname")
                )
            else:
                found.append(self.ok(node.name, name))
        return found


class HostsFile(NodeProbe):
    name: ClassVar[str] = "HostsFile"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        if not ctx.para.tke_registry:
            return []
        text = await node.read_text(HOSTS) or ""
        found = [
            self.warning(
                node.name,
                f"{HOSTS} gives {host} the address {address} in a line that is not ours",
                f"Remove the name from that line of {HOSTS}, unless it is meant",
            )
            for host in registry_hosts(ctx.para)
            for address, ours in addresses_of(text, host)
            if not ours
        ]
        return found or [self.ok(node.name)]

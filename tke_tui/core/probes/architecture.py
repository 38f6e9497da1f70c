"""A 64-bit system of an architecture that the bundle has packages for."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe
from tke_tui.core.remote.packages import ARCHITECTURES


class Architecture(NodeProbe):
    name: ClassVar[str] = "Architecture"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        machine = (await node.read("uname", "-m")).stdout.strip()
        offered = ctx.bundle.manifest.architectures
        if ARCHITECTURES.get(machine) not in offered:
            return [
                self.error(
                    node.name,
                    f"the bundle has nothing for {machine}",
                    f"Use machines of {' or '.join(offered)}, or a bundle for {machine}",
                )
            ]
        bits = (await node.read("getconf", "LONG_BIT", check=False)).stdout.strip()
        if bits not in ("", "64"):
            return [self.error(node.name, f"the system has {bits} bits", "Install a 64-bit system")]
        return [self.ok(node.name, machine)]

"""Swap that will be switched off: a note, unless the memory cannot take what is in it."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe

MIB = 1024


class Swap(NodeProbe):
    name: ClassVar[str] = "Swap"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        table = (await node.read("cat", "/proc/swaps", check=False)).stdout
        rows = [line.split() for line in table.splitlines()[1:] if line.strip()]
        if not rows:
            return [self.ok(node.name, "no swap")]
        used = sum(int(row[3]) for row in rows)
        available = await self._available(node)
        if used > available:
            return [
                self.warning(
                    node.name,
                    f"{used // MIB} MiB of swap are in use, but only {available // MIB} MiB of memory are free",
                    "Stop what uses the memory: swap is switched off during the installation",
                )
            ]
        return [self.ok(node.name, f"will be switched off: {', '.join(row[0] for row in rows)}")]

    async def _available(self, node: Node) -> int:
        """Memory in KiB that programs could still get."""
        table = (await node.read("cat", "/proc/meminfo", check=False)).stdout
        fields = (line.split() for line in table.splitlines())
        return next((int(row[1]) for row in fields if row[:1] == ["MemAvailable:"]), 0)

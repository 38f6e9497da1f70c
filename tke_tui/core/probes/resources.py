"""Processors and memory, of each machine and of all together.

Limits: the original's (2 CPU and 4 GiB over all machines, 2 CPU per master) and kubeadm's 1700 MB per machine are
errors; the documented minimum for one machine (8 CPU, 16 GiB) is a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, Probe

GIB = 1 << 30
MIN_CPUS, WISHED_CPUS = 2, 8
MIN_BYTES, WISHED_BYTES = 1700 << 20, 15 * GIB
"""16 GiB of memory show as a little less: firmware and kernel take their part."""
MIN_TOTAL_BYTES = 3 * GIB
"""The original rounds up to whole GiB before it compares with 4."""


class Processors(Probe):
    name: ClassVar[str] = "NumCPU"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        counts = await asyncio.gather(*(_processors(node) for node in nodes))
        return [self._judge(node.name, count) for node, count in zip(nodes, counts, strict=True)]

    def _judge(self, node: str, count: int) -> Finding:
        if count < MIN_CPUS:
            return self.error(node, f"{count} CPU, at least {MIN_CPUS} are needed", "Use a larger machine")
        if count < WISHED_CPUS:
            return self.warning(node, f"{count} CPUs", f"{WISHED_CPUS} are advised for the whole platform")
        return self.ok(node, f"{count} CPUs")


class Memory(Probe):
    name: ClassVar[str] = "Mem"
    checks: ClassVar[tuple[str, ...]] = ("Mem", "MemTotal")

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        sizes = await asyncio.gather(*(_memory(node) for node in nodes))
        found = [self._judge(node.name, size) for node, size in zip(nodes, sizes, strict=True)]
        if nodes and sum(sizes) <= MIN_TOTAL_BYTES:
            found.append(
                self.error(
                    "",
                    f"{sum(sizes) / GIB:.1f} GiB of memory in all machines together, 4 GiB are needed",
                    "Use larger machines or more of them",
                    check="MemTotal",
                )
            )
        return found

    def _judge(self, node: str, size: int) -> Finding:
        text = f"{size / GIB:.1f} GiB of memory"
        if size < MIN_BYTES:
            return self.error(node, f"{text}, at least 1.7 GiB are needed", "Use a larger machine")
        if size < WISHED_BYTES:
            return self.warning(node, text, "16 GiB are advised for the whole platform")
        return self.ok(node, text)


async def _processors(node: Node) -> int:
    count = (await node.read("getconf", "_NPROCESSORS_ONLN", check=False)).stdout.strip()
    return int(count) if count.isdigit() else 0


async def _memory(node: Node) -> int:
    table = (await node.read("cat", "/proc/meminfo", check=False)).stdout
    for line in table.splitlines():
        fields = line.split()
        if fields[:1] == ["MemTotal:"]:
            return int(fields[1]) * 1024
    return 0

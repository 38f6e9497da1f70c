"""A machine labelled for GPU use has an NVIDIA card."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.gpu import ENABLED, LABEL, has_gpu
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe

FIND_CARD = "grep -ls 0x10de /sys/bus/pci/devices/*/vendor"
"""PCI vendor id of NVIDIA (pci-ids.ucw.cz)."""


class GPU(NodeProbe):
    name: ClassVar[str] = "GPU"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        if not has_gpu(node.machine):
            return []
        if await node.ok("sh", "-c", FIND_CARD):
            return [self.ok(node.name, "NVIDIA card found")]
        fix = "Take the label away, or pass the card through to the machine"
        return [self.error(node.name, f"labelled {LABEL}={ENABLED}, but there is no NVIDIA card", fix)]

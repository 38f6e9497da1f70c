"""The commands that the installer and Kubernetes use are on each machine."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe

NEEDED = (
    *(
        "cp",
        "find",
        "getconf",
        "grep",
        "gzip",
        "id",
        "ip",
        "iptables",
        "mount",
        "mv",
        "nsenter",
        "sed",
        "sha256sum",
    ),
    *("ss", "swapoff", "sysctl", "systemctl", "tar", "uname"),
)
USEFUL = ("awk", "ebtables", "ethtool", "modprobe", "socat")

MISSING = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done'
"""sh -c MISSING sh TOOLS…: prints those that are not on PATH."""


class Tools(NodeProbe):
    name: ClassVar[str] = "FileExisting"
    checks: ClassVar[tuple[str, ...]] = tuple(f"FileExisting-{tool}" for tool in sorted((*NEEDED, *USEFUL)))

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        missing = (await node.read("sh", "-c", MISSING, "sh", *NEEDED, *USEFUL)).stdout.split()
        fix = "Install {} with the package manager of the distribution"
        found = [
            self.error(
                node.name, f"the command {tool} is missing", fix.format(tool), check=f"{self.name}-{tool}"
            )
            for tool in NEEDED
            if tool in missing
        ]
        found += [
            self.warning(
                node.name, f"the command {tool} is missing", fix.format(tool), check=f"{self.name}-{tool}"
            )
            for tool in USEFUL
            if tool in missing
        ]
        return found or [self.ok(node.name, f"{len(NEEDED) + len(USEFUL)} commands")]

"""The machine runs a Linux that systemd governs, and its system directories can be written to."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe

TARGETS = ("/usr/bin", "/etc", "/opt", "/var/lib")


class OperatingSystem(NodeProbe):
    name: ClassVar[str] = "OperatingSystem"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        found = [self.ok(node.name, await self._pretty_name(node))]
        if not await node.ok("test", "-d", "/run/systemd/system"):
            found.append(
                self.error(
                    node.name, "systemd is not running as process 1", "Use a distribution with systemd"
                )
            )
        found += [
            self.error(
                node.name, f"{path} is read-only", f"Make {path} writable, or use another distribution"
            )
            for path in TARGETS
            if await node.exists(path) and not await node.ok("test", "-w", path)
        ]
        return found

    async def _pretty_name(self, node: Node) -> str:
        text = await node.read_text("/etc/os-release") or ""
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key == "PRETTY_NAME":
                return value.strip("\"'")
        return "unknown distribution"

"""The login is root, or may become root."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe


class PrivilegedUser(NodeProbe):
    name: ClassVar[str] = "IsPrivilegedUser"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        user = (await node.read("id", "-u")).stdout.strip()
        if user == "0":
            return [self.ok(node.name)]
        return [
            self.error(
                node.name,
                f"commands run with user id {user} instead of 0",
                f"Log in as root, or let {node.machine.username} use sudo",
            )
        ]

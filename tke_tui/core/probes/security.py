"""SELinux and host firewalls, which often stand in the way of pods."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe
from tke_tui.core.remote.systemd import is_active

FIREWALLS = ("firewalld.service", "ufw.service")
OPEN_PORTS = "22, 80, 443, 2379-2380, 6443, 8080, 10249-10259 and the pod network"


class SELinux(NodeProbe):
    name: ClassVar[str] = "SELinux"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        enforce = await node.read("cat", "/sys/fs/selinux/enforce", check=False)
        if enforce.exit_code == 0 and enforce.stdout.strip() == "1":
            return [
                self.warning(
                    node.name,
                    "SELinux is enforcing",
                    "Run `setenforce 0` and set SELINUX=permissive in /etc/selinux/config",
                )
            ]
        return [self.ok(node.name)]


class Firewall(NodeProbe):
    name: ClassVar[str] = "Firewall"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        active = [unit for unit in FIREWALLS if await is_active(node, unit)]
        found = [
            self.warning(
                node.name,
                f"{unit} is active",
                f"Run `systemctl disable --now {unit}`, or open {OPEN_PORTS}",
            )
            for unit in active
        ]
        return found or [self.ok(node.name)]

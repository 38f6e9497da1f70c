"""Container engines of the distribution, which the bundle's docker would share the machine with."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.installer_host import is_own_address
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, installed_by_us
from tke_tui.core.remote.systemd import is_active, properties

UNITS = ("docker.service", "docker.socket", "containerd.service")


class ContainerEngine(NodeProbe):
    name: ClassVar[str] = "ContainerEngine"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        if installed_by_us(ctx, node) or ctx.services.finished("EnsureDocker", node.name):
            return [self.ok(node.name, "installed by this installation")]
        running = [unit for unit in UNITS if await is_active(node, unit)]
        if not running:
            return [self.ok(node.name)]
        files = [(await properties(node, unit, "FragmentPath")).get("FragmentPath", "") for unit in running]
        text = f"{', '.join(running)} ({', '.join(filter(None, files))})"
        if is_own_address(node.name) and not ctx.para.registry_is_official:
            message = f"the docker of the installer's own machine will be replaced by the bundle's: {text}"
            return [self.warning(node.name, message, "Containers of others on it stop while it is restarted")]
        return [
            self.warning(
                node.name,
                f"a container engine is running already: {text}",
                "It is replaced by the bundle's docker and restarted; remove the distribution's packages "
                "if nothing else needs them",
            )
        ]

"""EnsureRegistryHosts: the machine finds the installer's registry under its name, without any DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handover import POINT_MACHINES, handed_over
from tke_tui.core.installer_host import is_own_address, source_address
from tke_tui.core.remote.hosts_file import set_hosts
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TENANT = "default"
LOOPBACK = "127.0.0.1"


def registry_hosts(para: CreateClusterPara) -> tuple[str, str]:
    """The two names of the built-in registry: its domain and that of the tenant."""
    return para.registry_domain, f"{TENANT}.{para.registry_domain}"


class EnsureRegistryHosts(Task):
    name: ClassVar[str] = "EnsureRegistryHosts"
    title: ClassVar[str] = "Enter the registry's name in /etc/hosts"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return None if para.tke_registry else "images come from an existing registry with a name of its own"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [*registry_hosts(para), para.first.ip]

    async def run(self, ctx: Context) -> None:
        if await handed_over(ctx, POINT_MACHINES):
            # There already, except on a machine that is added to a cluster that stands.
            await set_hosts(ctx.node, dict.fromkeys(registry_hosts(ctx.para), str(ctx.para.first.ip)))
            return
        # On the installer host itself this is also the installer's own entry: both must agree.
        own = is_own_address(ctx.node.name)
        address = LOOPBACK if own else source_address(ctx.para.first.ip)
        await set_hosts(ctx.node, dict.fromkeys(registry_hosts(ctx.para), address))

    async def undo(self, ctx: Context) -> None:
        await set_hosts(ctx.node, dict.fromkeys(registry_hosts(ctx.para)))

"""Set global cluster hosts: the machines find the platform's registry instead of the installer's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.errors import TkeError
from tke_tui.core.handlers.ensure_registry_hosts import registry_hosts
from tke_tui.core.handover import POINT_MACHINES, record
from tke_tui.core.node import Node
from tke_tui.core.remote.hosts_file import set_hosts
from tke_tui.core.remote.waiting import at_once
from tke_tui.core.steps.prepare_push_images_to_tke_registry import no_tke_registry
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

MACHINES_AT_ONCE = 8


class SetGlobalClusterHosts(Task):
    """After it the installer host is not needed any more."""

    name: ClassVar[str] = POINT_MACHINES
    title: ClassVar[str] = "Let the machines use the platform's registry"
    needs: ClassVar[tuple[Need, ...]] = (Need("Push images to registry"),)

    def left_out(self, para: CreateClusterPara) -> str | None:
        return no_tke_registry(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [*registry_hosts(para), [str(one.ip) for one in para.machines]]

    async def run(self, ctx: Context) -> None:
        entries = dict.fromkeys(registry_hosts(ctx.para), str(ctx.para.first.ip))
        errors: list[TkeError] = []
        jobs = [partial(_point, ctx.on(machine), entries, errors) for machine in ctx.para.machines]
        await at_once(MACHINES_AT_ONCE, jobs)
        if errors:
            for other in errors[1:]:
                ctx.log(f"{other.title}: {other.detail}")
            raise errors[0]
        record(ctx, self.name)


async def _point(node: Node, entries: dict[str, str], errors: list[TkeError]) -> None:
    """One machine that fails does not keep the others from going on."""
    try:
        await set_hosts(node, entries)
    except TkeError as error:
        errors.append(error)

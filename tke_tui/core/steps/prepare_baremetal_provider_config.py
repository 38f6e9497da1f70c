"""Prepare baremetal provider config: what the platform needs to make further clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.kube_objects import apply_all
from tke_tui.core.provider_config import objects
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class PrepareBaremetalProviderConfig(Task):
    """The files are made anew each time; the installer itself never reads them."""

    name: ClassVar[str] = "Prepare baremetal provider config"
    title: ClassVar[str] = "Hand over the files for further clusters"
    needs: ClassVar[tuple[Need, ...]] = (Need("Create namespace for install TKE"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))

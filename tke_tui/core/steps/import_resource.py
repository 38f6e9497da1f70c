"""Import resource to TKE platform: the platform learns of the cluster it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import platform_record
from tke_tui.core.model.dump import dump_para
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class ImportResource(Task):
    """Creates or updates, and never deletes. Of a cluster that is there it changes neither machines nor version."""

    name: ClassVar[str] = "Import resource to TKE platform"
    title: ClassVar[str] = "Make the cluster known to the platform"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Register tke api into global cluster"),
        Need("Install tke-platform-controller"),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [dump_para(para, secrets="mask")["cluster"], para.advertise]

    async def run(self, ctx: Context) -> None:
        kube = await platform_record.reach_platform(ctx)
        await platform_record.bring(ctx, kube, platform_record.credential(ctx), {})
        status = {"status": platform_record.status(ctx)}
        await platform_record.bring(ctx, kube, platform_record.cluster(ctx), status)

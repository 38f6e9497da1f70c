"""Update resource in TKE platform: what an update has made of the cluster is in the platform's record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import platform_record, platform_resources
from tke_tui.core.kube_objects import label_of
from tke_tui.core.model.cluster import API_VERSION
from tke_tui.core.model.dump import dump_para
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class UpdateResource(Task):
    """The last task of an update: machines, version, names, arguments, addresses, and the credentials.

    The record is written in two ways that the platform takes for no order (see `FINALIZE`), and only then let go.
    """

    name: ClassVar[str] = "Update resource in TKE platform"
    title: ClassVar[str] = "Tell the platform what the cluster has become"
    needs: ClassVar[tuple[Need, ...]] = (Need("Import resource to TKE platform"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [dump_para(para, secrets="mask")["cluster"], para.advertise]

    async def run(self, ctx: Context) -> None:
        kube = await platform_record.reach_platform(ctx)
        await platform_record.bring(ctx, kube, platform_record.credential(ctx), {})
        cluster, status = platform_record.cluster(ctx), platform_record.status(ctx)
        found = await platform_record.find(kube, cluster)
        if kube is None or found is None:
            await platform_record.bring(ctx, kube, cluster, {"status": status})
            return
        where, label = (API_VERSION, cluster["kind"], cluster["metadata"]["name"]), label_of(cluster)
        new = platform_resources.news(found, cluster)
        if new or not platform_record.is_known(found, cluster):
            platform_record.require_idle(ctx, found)
            if ctx.mutate(f"write into {label}: {', '.join(new) or 'the changed settings'}"):
                update = platform_resources.spec_update(found, cluster)
                await kube.patch(*where, update, subresource=platform_resources.FINALIZE)
        changes, words = platform_resources.status_update(found, status)
        if changes:
            platform_record.require_idle(ctx, found)
            if ctx.mutate(f"write into the status of {label}: {', '.join(words)}"):
                await kube.patch(*where, {"status": changes}, subresource="status")

"""Hold TKE platform back: while machines change their version, the platform does not change it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import platform_record, platform_resources
from tke_tui.core.kube_objects import label_of
from tke_tui.core.model.cluster import API_VERSION
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class HoldPlatform(Task):
    """Before the first machine is upgraded; `UpdateResource` lets go, once the record has the new version."""

    name: ClassVar[str] = "Hold TKE platform back"
    title: ClassVar[str] = "Keep the platform from setting the version meanwhile"
    needs: ClassVar[tuple[Need, ...]] = (Need("Preflight"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return para.cluster.spec.version

    async def run(self, ctx: Context) -> None:
        kube = await platform_record.reach_platform(ctx)
        cluster = platform_record.cluster(ctx)
        found = await platform_record.find(kube, cluster)
        if kube is None or found is None:
            return
        held = (found.get("status") or {}).get("phase") == platform_resources.HELD
        if held or found["spec"].get("version") == cluster["spec"]["version"]:
            return
        platform_record.require_idle(ctx, found)
        if ctx.mutate(f"set the phase of {label_of(cluster)} to {platform_resources.HELD}"):
            where = (API_VERSION, cluster["kind"], cluster["metadata"]["name"])
            await kube.patch(*where, {"status": {"phase": platform_resources.HELD}}, subresource="status")

"""Stop local registry to give up 80/443 for tke-gateway: this host is one of the machines that the gateway runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.handover import STOP_LOCAL_REGISTRY, record
from tke_tui.core.local_registry import CONTAINERS, is_ours
from tke_tui.core.steps.prepare_images import ports_are_needed_twice
from tke_tui.core.task import Need, On, Task

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara


class StopLocalRegistry(Task):
    """From here to `Set global cluster hosts` no machine can pull: every pod's image must be on its machine before.

    Containers of these names that are not of this installation stay. The images stay in the data directory, too.
    """

    name: ClassVar[str] = STOP_LOCAL_REGISTRY
    title: ClassVar[str] = "Stop the registry on this host"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Push images"),
        Need("Create global cluster"),
        Need("Execute post cluster ready hook"),
        Need("Install tke-auth-api"),
        Need("Install tke-auth-controller"),
        Need("Install tke audit"),
        Need("Install tke-platform-api"),
        Need("Install tke-platform-controller"),
        Need("Install tke-registry-api"),
        Need("Install tke-business-api"),
        Need("Install tke-business-controller"),
        Need("Install InfluxDB"),
        Need("Install tke-monitor-api"),
        Need("Install tke-monitor-controller"),
        Need("Install tke-notify-api"),
        Need("Install tke-notify-controller"),
        Need("Install tke-logagent-api"),
        Need("Install tke-logagent-controller"),
        Need("Prepare images before stop local registry", On.EVERY),
    )

    def left_out(self, para: CreateClusterPara) -> str | None:
        return ports_are_needed_twice(para)

    async def run(self, ctx: Context) -> None:
        docker = await ctx.docker()
        for name in CONTAINERS:
            present = await docker.container(name)
            if present is None:
                if self._comes_later(ctx):
                    ctx.mutate(f"remove the container {name}")
                continue
            if not is_ours(ctx, present):
                ctx.log(f"the container {name} is not of this installation: it stays")
            elif ctx.mutate(f"remove the container {name}"):
                await docker.remove_container(name)
        record(ctx, self.name)

    def _comes_later(self, ctx: Context) -> bool:
        """In a plan for bare machines: the registry that is to be stopped has not been started."""
        started = ctx.services.finished("Setup local registry", "")
        return ctx.mode is Mode.PLAN and ctx.para.tke_registry and not started

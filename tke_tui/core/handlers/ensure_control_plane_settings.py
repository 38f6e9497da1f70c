"""EnsureControlPlaneSettings: changed arguments of API server, controller manager and scheduler reach every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import (
    STAMP as JOIN_STAMP,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import EnsureJoinPhaseControlPlanePrepare
from tke_tui.core.handlers.ensure_kubeadm_init_phase_control_plane import EnsureKubeadmInitPhaseControlPlane
from tke_tui.core.kubeadm import fingerprint, parts, stamps
from tke_tui.core.kubeadm.files import CONTROL_PLANE, all_there, manifest
from tke_tui.core.kubeadm.manifest_times import keeping_times
from tke_tui.core.kubeadm.run import init_phase
from tke_tui.core.remote import static_pods, static_restart
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

STAMP = "control-plane-settings"
TAKE_UP_SECONDS = 25.0
"""kubelet sees a changed manifest at once, and in any case at its next look after 20 s."""

PHASES = dict(zip(CONTROL_PLANE, ("apiserver", "controller-manager", "scheduler"), strict=True))


class EnsureControlPlaneSettings(Task):
    """Machine by machine and pod by pod, where the handlers that create the cluster write all manifests at once."""

    name: ClassVar[str] = "EnsureControlPlaneSettings"
    title: ClassVar[str] = "Bring changed arguments to the control plane"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureAPIServerCert", On.EVERY),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        """Another version is the upgrade's matter."""
        made = parts.part_of(parts.control_plane, para, bundle, (machine or para.first).ip)
        return parts.without_version(made)

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        wanted = fingerprint(self.inputs(ctx.para, ctx.bundle, node.machine))
        there = await all_there(node, [manifest(component) for component in CONTROL_PLANE])
        if await stamps.read(node, STAMP) == wanted and there:
            return
        for component, phase in PHASES.items():
            async with keeping_times(ctx, (manifest(component),)):
                await init_phase(ctx, node, "control-plane", phase, patched=True)
            await self._take_up(ctx, component)
        await self._agree(ctx)
        await stamps.write(node, STAMP, wanted)

    async def _take_up(self, ctx: Context, component: str) -> None:
        if ctx.mode is not Mode.RUN:
            return

        async def young() -> bool:
            return await static_pods.runs_present_manifest(ctx.node, component)

        if await until(young, timeout=TAKE_UP_SECONDS):
            await static_restart.wait_healthy(ctx, component)
        else:
            await static_restart.restart(ctx, component)

    async def _agree(self, ctx: Context) -> None:
        """Let the handlers that create the cluster know that what they would make is there."""
        first = ctx.node.name == ctx.para.first.ip
        task: Task = EnsureKubeadmInitPhaseControlPlane() if first else EnsureJoinPhaseControlPlanePrepare()
        stamp = EnsureKubeadmInitPhaseControlPlane.phase.stamp if first else JOIN_STAMP
        made = fingerprint(task.inputs(ctx.para, ctx.bundle, ctx.node.machine))
        await stamps.write(ctx.node, stamp, made)

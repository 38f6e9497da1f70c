"""EnsureKubeletSettings: changed arguments of kubelet reach every machine, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers.ensure_kubeadm_init_phase_kubelet_start import EnsureKubeadmInitPhaseKubeletStart
from tke_tui.core.handlers.node_ready import restart_kubelet
from tke_tui.core.kubeadm import fingerprint, parts, stamps
from tke_tui.core.kubeadm.files import KUBELET_CONFIG, KUBELET_FLAGS, all_there
from tke_tui.core.kubeadm.run import init_phase
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

STAMP = "kubelet-settings"


class EnsureKubeletSettings(Task):
    """kubeadm writes kubelet's flags and configuration; pods go on running while kubelet is restarted."""

    name: ClassVar[str] = "EnsureKubeletSettings"
    title: ClassVar[str] = "Bring changed arguments to kubelet"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureControlPlaneSettings", On.EVERY),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return parts.without_version(
            parts.part_of(parts.kubelet_start, para, bundle, (machine or para.first).ip)
        )

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        wanted = fingerprint(self.inputs(ctx.para, ctx.bundle, node.machine))
        there = await all_there(node, (KUBELET_CONFIG, KUBELET_FLAGS))
        if await stamps.read(node, STAMP) == wanted and there:
            return
        await init_phase(ctx, node, "kubelet-start")
        await restart_kubelet(ctx)
        if node.name == ctx.para.first.ip:
            # The handler that starts the first kubelet finds what it would make.
            task = EnsureKubeadmInitPhaseKubeletStart()
            made = fingerprint(task.inputs(ctx.para, ctx.bundle, node.machine))
            await stamps.write(node, task.phase.stamp, made)
        await stamps.write(node, STAMP, wanted)

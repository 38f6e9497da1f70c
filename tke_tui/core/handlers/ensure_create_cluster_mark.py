"""EnsureCreateClusterMark: the cluster is complete and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers.cluster_mark import MARK
from tke_tui.core.kube_objects import APPS, SYSTEM, apply_all, reach, wait_rolled_out
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

CARRIERS = (
    ("DaemonSet", "kube-proxy"),
    ("DaemonSet", "flannel"),
    ("DaemonSet", "galaxy-daemonset"),
    ("Deployment", "coredns"),
)
"""What every later pod depends on, in the order of dependence."""


class EnsureCreateClusterMark(Task):
    """Before the mark is set, services, pod network and DNS run on all nodes, those that joined later included.

    It is the one task that is after everything else and cannot be skipped, so nobody is told that the cluster was
    there while pods still cannot find each other. A carrier that was left out (skipConditions) is not waited for.
    """

    name: ClassVar[str] = "EnsureCreateClusterMark"
    title: ClassVar[str] = "Wait for network and DNS, mark the cluster as managed"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (
        Need("EnsureGalaxy"),
        Need("EnsureMarkControlPlane", On.EVERY),
        Need("EnsureNvidiaDevicePlugin"),
        Need("EnsureGPUManager"),
        Need("EnsureCSIOperator"),
        Need("EnsureMetricsServer"),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [str(machine.ip) for machine in para.machines]

    async def run(self, ctx: Context) -> None:
        kube = await reach(ctx)
        for kind, name in CARRIERS:
            if kube is None or await kube.get(APPS, kind, name, SYSTEM) is not None:
                await wait_rolled_out(ctx, kind, name)
        await apply_all(ctx, [MARK])

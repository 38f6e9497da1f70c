"""EnsureJoinPhaseControlPlanePrepare: shared certificates, kubeconfigs and static pods of a further control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import cluster_settings, fingerprint, parts, stamps
from tke_tui.core.kubeadm.files import (
    ADMIN_CONF,
    CONTROL_PLANE,
    CONTROLLER_MANAGER_CONF,
    PKI_FILES,
    SCHEDULER_CONF,
    all_there,
    expected_servers,
    manifest,
    remove_foreign_kubeconfigs,
    remove_torn_pairs,
)
from tke_tui.core.kubeadm.joining import JoinPhase

if TYPE_CHECKING:
    from tke_tui.core.context import Context

STAMP = "join-control-plane-prepare"
PRODUCTS = (
    *PKI_FILES,
    ADMIN_CONF,
    CONTROLLER_MANAGER_CONF,
    SCHEDULER_CONF,
    *(manifest(component) for component in CONTROL_PLANE),
)


class EnsureJoinPhaseControlPlanePrepare(JoinPhase):
    name: ClassVar[str] = "EnsureJoinPhaseControlPlanePrepare"
    title: ClassVar[str] = "Prepare a further control plane"

    def deciding(self) -> tuple[parts.Part, ...]:
        return (parts.kube_config, parts.control_plane)

    async def run(self, ctx: Context) -> None:
        wanted = fingerprint(self.inputs(ctx.para, ctx.bundle, ctx.machine))
        noted = await stamps.read(ctx.node, STAMP)
        if noted == wanted and await all_there(ctx.node, PRODUCTS):
            return
        if noted is None:
            await remove_torn_pairs(ctx.node)
        endpoint = cluster_settings(ctx.para, ctx.bundle).control_plane_endpoint
        await remove_foreign_kubeconfigs(ctx.node, expected_servers(endpoint, ctx.node.name))
        await self.join(ctx, "control-plane-prepare", "all", patched=True)
        await stamps.write(ctx.node, STAMP, wanted)

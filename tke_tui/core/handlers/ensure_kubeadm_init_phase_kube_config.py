"""EnsureKubeadmInitPhaseKubeConfig: kubeconfigs of the first machine's control plane, kubelet and administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import cluster_settings, parts
from tke_tui.core.kubeadm.files import (
    ADMIN_CONF,
    CONTROLLER_MANAGER_CONF,
    KUBELET_CONF,
    SCHEDULER_CONF,
    expected_servers,
    remove_foreign_kubeconfigs,
)
from tke_tui.core.kubeadm.phase import InitPhase, Phase
from tke_tui.core.remote import systemd

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseKubeConfig(InitPhase):
    name: ClassVar[str] = "EnsureKubeadmInitPhaseKubeConfig"
    title: ClassVar[str] = "Write the control plane's kubeconfigs"
    phase: ClassVar[Phase] = Phase(
        ("kubeconfig", "all"),
        "kubeconfig",
        parts.kube_config,
        products=(ADMIN_CONF, KUBELET_CONF, CONTROLLER_MANAGER_CONF, SCHEDULER_CONF),
    )

    async def prepare(self, ctx: Context, *, interrupted: bool) -> None:
        endpoint = cluster_settings(ctx.para, ctx.bundle).control_plane_endpoint
        expected = expected_servers(endpoint, ctx.node.name)
        await remove_foreign_kubeconfigs(ctx.node, expected | {KUBELET_CONF: expected[ADMIN_CONF]})

    async def settle(self, ctx: Context) -> None:
        # kubelet was started without credentials and ended; systemd would try again only some seconds later.
        await systemd.restart(ctx.node, "kubelet.service")

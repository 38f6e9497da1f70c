"""EnsureControlPlaneEndpoint: every machine reaches the cluster by the address behind which all API servers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import (
    STAMP as JOIN_STAMP,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import EnsureJoinPhaseControlPlanePrepare
from tke_tui.core.handlers.ensure_kubeadm_init_phase_kube_config import EnsureKubeadmInitPhaseKubeConfig
from tke_tui.core.handlers.node_ready import restart_kubelet
from tke_tui.core.kubeadm import api, cluster_settings, fingerprint, stamps
from tke_tui.core.kubeadm.endpoint import wait_for_advertised
from tke_tui.core.kubeadm.files import (
    ADMIN_CONF,
    CONTROLLER_MANAGER_CONF,
    KUBELET_CONF,
    SCHEDULER_CONF,
    expected_servers,
)
from tke_tui.core.kubeadm.run import init_phase
from tke_tui.core.remote import static_restart, systemd
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.yaml_text import dump_yaml, load_yaml

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

HOLDERS = {"kube-controller-manager": CONTROLLER_MANAGER_CONF, "kube-scheduler": SCHEDULER_CONF}


class EnsureControlPlaneEndpoint(Task):
    """Only the server's address is changed in the kubeconfigs that kubeadm left; the logins in them stay."""

    name: ClassVar[str] = "EnsureControlPlaneEndpoint"
    title: ClassVar[str] = "Lead the machines to the shared address of the API servers"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (
        Need("EnsureKubeletSettings", On.EVERY),
        Need("EnsureKeepalivedInit", On.EVERY),
        Need("EnsureThirdPartyHAInit", On.EVERY),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return cluster_settings(para, bundle).control_plane_endpoint

    async def run(self, ctx: Context) -> None:
        node, endpoint = ctx.node, cluster_settings(ctx.para, ctx.bundle).control_plane_endpoint
        await wait_for_advertised(ctx)
        servers = expected_servers(endpoint, node.name)
        for path, allowed in (servers | {KUBELET_CONF: servers[ADMIN_CONF]}).items():
            text = await node.read_text(path)
            if text is not None and _server(text) not in allowed:
                changed = _with_server(text, allowed[0])
                await node.write_file(path, changed, mode=0o600, what=f"lead {path} to {allowed[0]}")
        # A mark of its own: an interruption may come between the file and the restart.
        wanted = systemd.fingerprint(endpoint)
        if not await systemd.applied(node, "kubelet-endpoint", wanted):
            await restart_kubelet(ctx)
            await systemd.mark_applied(node, "kubelet-endpoint", wanted)
        for component, path in HOLDERS.items():
            if not await static_restart.taken_up(node, component, (path,)):
                await static_restart.restart(ctx, component)
        if node.name == ctx.para.first.ip:
            await self._cluster_info(ctx, servers[ADMIN_CONF][0])
        await self._agree(ctx)

    async def _cluster_info(self, ctx: Context, server: str) -> None:
        """Machines that join later are told the address by this object of the cluster."""
        found = await api.get(ctx, "v1", "ConfigMap", "cluster-info", "kube-public")
        text = ((found or {}).get("data") or {}).get("kubeconfig") or ""
        if _server(text) != server:
            await init_phase(ctx, ctx.node, "bootstrap-token", "--skip-token-print")

    async def _agree(self, ctx: Context) -> None:
        """Let the handlers that create the cluster know that what they would make is there."""
        first = ctx.node.name == ctx.para.first.ip
        task: Task = EnsureKubeadmInitPhaseKubeConfig() if first else EnsureJoinPhaseControlPlanePrepare()
        stamp = EnsureKubeadmInitPhaseKubeConfig.phase.stamp if first else JOIN_STAMP
        await stamps.write(ctx.node, stamp, fingerprint(task.inputs(ctx.para, ctx.bundle, ctx.node.machine)))


def _server(text: str) -> str:
    try:
        return str(load_yaml(text)["clusters"][0]["cluster"]["server"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        return ""


def _with_server(text: str, server: str) -> str:
    document = load_yaml(text)
    document["clusters"][0]["cluster"]["server"] = server
    return dump_yaml(document)

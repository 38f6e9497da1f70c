"""EnsureJoinPhaseControlPlaneJoinUpdateStatus: the cluster's own list of its API servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kubeadm import api, minor_version
from tke_tui.core.kubeadm.joining import JoinPhase
from tke_tui.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.model.para import CreateClusterPara

NO_LIST_SINCE = 22


class EnsureJoinPhaseControlPlaneJoinUpdateStatus(JoinPhase):
    name: ClassVar[str] = "EnsureJoinPhaseControlPlaneJoinUpdateStatus"
    title: ClassVar[str] = "Enter the new API server in the cluster's status"

    def left_out(self, para: CreateClusterPara) -> str | None:
        version = para.cluster.spec.version  # none yet: a plan of an input without a bundle
        if version and minor_version(version) >= NO_LIST_SINCE:
            return f"Kubernetes 1.{NO_LIST_SINCE} and later keep no such list"
        return None

    async def run(self, ctx: Context) -> None:
        config = await api.get(ctx, "v1", "ConfigMap", "kubeadm-config", api.SYSTEM)
        if ctx.node.name in api_endpoints(config or {}):
            return
        await self.join(ctx, "control-plane-join", "update-status")


def api_endpoints(config: dict[str, Any]) -> set[str]:
    """Node names in the ClusterStatus of a kubeadm-config ConfigMap."""
    status = load_yaml((config.get("data") or {}).get("ClusterStatus") or "{}")
    return set((status or {}).get("apiEndpoints") or {})

"""Install etcd: the cluster's own etcd under the name `etcd`, for the components' data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Context
from tke_tui.core.kube_objects import Object, apply_all
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

NAME = "etcd"
"""Also a name in the certificates of the etcd members."""
PORT = 2379


class InstallEtcd(Task):
    """No program is installed: a Service without selector, and the members' addresses behind it."""

    name: ClassVar[str] = "Install etcd"
    title: ClassVar[str] = "Make etcd known to the platform"
    needs: ClassVar[tuple[Need, ...]] = (Need("Create namespace for install TKE"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para))


def objects(para: CreateClusterPara) -> list[Object]:
    metadata = {"name": NAME, "namespace": NAMESPACE}
    port = {"name": "https", "port": PORT, "protocol": "TCP"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"type": "ClusterIP", "clusterIP": "None", "ports": [{**port, "targetPort": PORT}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": metadata,
            "subsets": [{"addresses": [{"ip": str(m.ip)} for m in para.machines], "ports": [port]}],
        },
    ]

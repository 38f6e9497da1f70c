"""EnsureGalaxy: the pod network, made of flannel (tunnels between nodes) and Galaxy (CNI plugin)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kube_objects import Object, apply_all, config_hash, image_of, wait_rolled_out
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

FLANNEL, GALAXY = "flannel", "galaxy-daemonset"


class EnsureGalaxy(Task):
    """Ends when both run on every node that there is. Their pods tolerate every taint and use the host's network,
    so nothing but an API server and a registered node is needed.
    """

    name: ClassVar[str] = "EnsureGalaxy"
    title: ClassVar[str] = "Install the pod network"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureKubeadmInitPhaseAddon", On.FIRST),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))
        for name in (FLANNEL, GALAXY):
            await wait_rolled_out(ctx, "DaemonSet", name)


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    """All objects of flannel and Galaxy in the order they are applied."""
    net_conf = _json({"Network": _network(para).cluster_cidr, "Backend": {"Type": "vxlan"}})
    galaxy_json = _json(galaxy_networks(para.cluster.spec.network_device))
    galaxy_cni = _json(GALAXY_CNI)
    return [
        *render_manifests(
            "galaxy/flannel.yaml.j2",
            image=image_of(para, bundle, "flannel"),
            cni_conf=_json(FLANNEL_CNI),
            net_conf=net_conf,
            config_hash=config_hash(net_conf),
        ),
        *render_manifests(
            "galaxy/galaxy.yaml.j2",
            image=image_of(para, bundle, "galaxy"),
            galaxy_json=galaxy_json,
            cni_conf=galaxy_cni,
            config_hash=config_hash(galaxy_json, galaxy_cni),
        ),
    ]


FLANNEL_CNI = {
    "name": "cbr0",
    "plugins": [
        {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
GALAXY_CNI = {
    "name": "galaxy-sdn",
    "type": "galaxy-sdn",
    "capabilities": {"portMappings": True},
    "cniVersion": "0.2.0",
}


def galaxy_networks(device: str) -> dict[str, Any]:
    """The networks Galaxy offers to pods; `device` is the machines' interface for bridged ones, e.g. `eth1`."""
    return {
        "NetworkConf": [
            {"name": "tke-route-eni", "type": "tke-route-eni", "eni": "eth1", "routeTable": 1},
            {
                "name": "galaxy-flannel",
                "type": "galaxy-flannel",
                "delegate": {"type": "galaxy-veth"},
                "subnetFile": "/run/flannel/subnet.env",
            },
            {
                "name": "galaxy-k8s-vlan",
                "type": "galaxy-k8s-vlan",
                "device": device,
                "default_bridge_name": "br0",
            },
            {"name": "galaxy-k8s-sriov", "type": "galaxy-k8s-sriov", "device": device, "vf_num": 10},
        ],
        "DefaultNetworks": ["galaxy-flannel"],
    }


def _network(para: CreateClusterPara) -> ClusterNetwork:
    return ClusterNetwork.from_spec(para.cluster.spec)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"

"""Arithmetic of pod and service networks (IPv4), without any input or output.

The rules are those of the original's EnsureClusterComplete: each node gets a slice of the pod network that is
large enough for its pods; without a service network of its own the tail of the pod network serves as such;
four services have fixed positions in the service network.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Self

from tke_tui.core.errors import UsageError
from tke_tui.core.model.cluster import ClusterSpec

DEFAULT_CLUSTER_CIDR = "10.244.0.0/16"
DEFAULT_MAX_PODS = 256
DEFAULT_MAX_SERVICES = 256

KUBERNETES_SERVICE_INDEX = 1
GALAXY_IPAM_INDEX = 8
GPU_QUOTA_INDEX = 9
DNS_INDEX = 10

_BITS = 32


def parse_network(cidr: str) -> IPv4Network:
    """The network of `address/prefix`; host bits are cut off, as Go does. Raises `UsageError`."""
    try:
        if "/" not in cidr:
            raise ValueError
        return IPv4Network(cidr.strip(), strict=False)
    except ValueError:
        raise UsageError(
            f"{cidr!r} is not an IPv4 network",
            fix="Write an address and a prefix length, e.g. 10.244.0.0/16.",
        ) from None


def node_mask(max_pods: int) -> int:
    """Prefix length of one node's slice of the pod network: the smallest one with `max_pods` addresses.

    Raises `UsageError` unless 1 <= max_pods <= 2^32.
    """
    return _BITS - _bits_for(max_pods, "pods per node")


def derive_service_cidr(cluster_cidr: str, max_services: int) -> str:
    """The service network inside the pod network: the smallest with `max_services` addresses, at its end.

    Raises `UsageError` when the pod network has fewer addresses than that.
    """
    cluster = parse_network(cluster_cidr)
    bits = _bits_for(max_services, "services")
    if cluster.num_addresses < max_services:
        raise UsageError(
            f"{cluster} has no room for {max_services} services",
            detail=f"It has {cluster.num_addresses} addresses.",
            fix="Take a larger clusterCIDR or a smaller maxClusterServiceNum.",
        )
    return str(IPv4Network((int(cluster.broadcast_address) >> bits << bits, _BITS - bits)))


def service_ip(cidr: str, index: int) -> str:
    """The address at `index` (0 = network address). Raises `UsageError` when there is none."""
    network = parse_network(cidr)
    if not 0 <= index < network.num_addresses:
        raise UsageError(
            f"{network} has no address number {index}",
            detail=f"It has {network.num_addresses} addresses.",
            fix="Take a larger service network, e.g. /24.",
        )
    return str(IPv4Address(int(network.network_address) + index))


@dataclass(frozen=True, slots=True)
class ClusterNetwork:
    """The networks of a cluster and the fixed addresses in them; all as text in the usual notation.

    `max_nodes` counts the node slices of the pod network that do not overlap the service network.
    """

    cluster_cidr: str
    service_cidr: str
    node_cidr_mask_size: int
    kubernetes_service_ip: str
    dns_ip: str
    gpu_quota_ip: str
    galaxy_ipam_ip: str
    max_nodes: int

    @classmethod
    def from_spec(cls, spec: ClusterSpec) -> Self:
        """Compute everything from clusterCIDR, serviceCIDR and the two numbers of `properties`.

        Absent values count as their defaults (10.244.0.0/16, 256 pods per node, 256 services).
        Raises `UsageError` when the numbers do not fit into the networks.
        """
        cluster = parse_network(spec.cluster_cidr or DEFAULT_CLUSTER_CIDR)
        mask = node_mask(spec.properties.max_node_pod_num or DEFAULT_MAX_PODS)
        if cluster.prefixlen > mask:
            raise UsageError(
                f"{cluster} is smaller than the slice of one node (/{mask})",
                fix="Take a larger clusterCIDR or a smaller maxNodePodNum.",
            )
        services = spec.properties.max_cluster_service_num or DEFAULT_MAX_SERVICES
        service_text = spec.service_cidr or derive_service_cidr(str(cluster), services)
        service = parse_network(service_text)
        return cls(
            cluster_cidr=str(cluster),
            service_cidr=str(service),
            node_cidr_mask_size=mask,
            kubernetes_service_ip=service_ip(service_text, KUBERNETES_SERVICE_INDEX),
            dns_ip=service_ip(service_text, DNS_INDEX),
            gpu_quota_ip=service_ip(service_text, GPU_QUOTA_INDEX),
            galaxy_ipam_ip=service_ip(service_text, GALAXY_IPAM_INDEX),
            max_nodes=_free_slices(cluster, service, mask),
        )


def _bits_for(count: int, what: str) -> int:
    if not 1 <= count <= 1 << _BITS:
        raise UsageError(f"{count} {what} is not possible", fix="Give a number of at least 1.")
    return (count - 1).bit_length()


def _free_slices(cluster: IPv4Network, service: IPv4Network, mask: int) -> int:
    slices = 1 << (mask - cluster.prefixlen)
    if service.supernet_of(cluster):
        return 0
    if not service.subnet_of(cluster):
        return slices
    taken = 1 << max(0, mask - service.prefixlen)
    return slices - taken

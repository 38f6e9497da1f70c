"""Pod and service networks: sizes, overlaps, room for the machines."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from tke_tui.core.errors import UsageError
from tke_tui.core.model.cluster import ClusterSpec
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.network import (
    DNS_INDEX,
    ClusterNetwork,
    derive_service_cidr,
    node_mask,
    parse_network,
)
from tke_tui.core.model.rules.base import Scope, check_hostname, ipv4

POD_NUMBERS = (16, 32, 64, 128, 256)
SERVICE_NUMBERS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
DOCKER_BRIDGE = IPv4Network("172.17.0.0/16")
UNUSABLE = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))

_CLUSTER = "cluster.spec.clusterCIDR"
_SERVICE = "cluster.spec.serviceCIDR"
_PODS = "cluster.spec.properties.maxNodePodNum"
_SERVICES = "cluster.spec.properties.maxClusterServiceNum"


def check_network(scope: Scope) -> None:
    spec, findings = scope.para.cluster.spec, scope.findings
    cluster = _network(findings, _CLUSTER, spec.cluster_cidr)
    service = _network(findings, _SERVICE, spec.service_cidr) if spec.service_cidr else None
    numbers_good = _numbers(findings, spec)
    if service is not None:
        if service.num_addresses <= DNS_INDEX:
            findings.error(
                _SERVICE, spec.service_cidr, f"has no address number {DNS_INDEX} for the DNS", "Take a /24."
            )
        if cluster is not None and service.overlaps(cluster):
            findings.error(
                _SERVICE,
                spec.service_cidr,
                f"overlaps clusterCIDR {cluster}",
                "Take a separate network, or remove serviceCIDR to use the tail of clusterCIDR.",
            )
    for path, network in ((_CLUSTER, cluster), (_SERVICE, service)):
        if network is not None:
            _surroundings(scope, path, network)
    if cluster is not None and numbers_good and (service is not None or not spec.service_cidr):
        _room(scope, cluster)
    if spec.dns_domain:
        check_hostname(findings, "cluster.spec.dnsDomain", spec.dns_domain)


def _network(findings: Findings, path: str, text: str) -> IPv4Network | None:
    try:
        network = parse_network(text)
    except UsageError as error:
        findings.error(path, text, "not an IPv4 network", error.fix)
        return None
    if str(network) != text.strip():
        findings.warning(path, text, f"counts as the network {network}", f"Write {network}.")
    return network


def _numbers(findings: Findings, spec: ClusterSpec) -> bool:
    pods, services = spec.properties.max_node_pod_num, spec.properties.max_cluster_service_num
    good = True
    if pods not in POD_NUMBERS:
        findings.error(_PODS, pods, "not a possible number of pods", f"Use {_one_of(POD_NUMBERS)}.")
        good = False
    if spec.service_cidr:
        if services is not None:
            findings.error(_SERVICES, services, "given together with serviceCIDR", "Remove one of the two.")
    elif services not in SERVICE_NUMBERS:
        findings.error(
            _SERVICES, services, "not a possible number of services", f"Use {_one_of(SERVICE_NUMBERS)}."
        )
        good = False
    return good


def _one_of(numbers: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}"


def _surroundings(scope: Scope, path: str, network: IPv4Network) -> None:
    findings = scope.findings
    for unusable in UNUSABLE:
        if network.overlaps(unusable):
            findings.error(
                path, network, f"overlaps {unusable}, which is reserved", "Take e.g. 10.244.0.0/16."
            )
    if network.overlaps(DOCKER_BRIDGE):
        findings.warning(
            path,
            network,
            f"overlaps {DOCKER_BRIDGE}, the usual network of docker's bridge",
            "Take another network, unless docker's bip is set to something else.",
        )
    addresses = list(_addresses(scope))
    inside = [what for what, address in addresses if address in network]
    near = [what for what, address in addresses if network.overlaps(IPv4Network((int(address) & ~0xFF, 24)))]
    fix = "Take a network that no machine is reached through."
    if inside:
        findings.error(path, network, f"contains {_and_more(inside)}", fix)
    elif near:
        message = f"is next to {_and_more(near)}: probably a part of the machines' network"
        findings.warning(path, network, message, fix)


def _and_more(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _addresses(scope: Scope) -> Iterator[tuple[str, IPv4Address]]:
    for machine in scope.para.machines:
        address = ipv4(machine.ip)
        if address is not None:
            yield f"machine {address}", address
    vip = ipv4(scope.para.vip or "")
    if vip is not None:
        yield f"the virtual IP {vip}", vip


def _room(scope: Scope, cluster: IPv4Network) -> None:
    spec, findings = scope.para.cluster.spec, scope.findings
    mask = node_mask(spec.properties.max_node_pod_num or POD_NUMBERS[-1])
    if cluster.prefixlen > mask:
        findings.error(
            _CLUSTER,
            spec.cluster_cidr,
            f"smaller than the slice of a single node (/{mask} for maxNodePodNum)",
            "Take a larger network or a smaller maxNodePodNum.",
        )
        return
    if not spec.service_cidr:
        try:
            derive_service_cidr(str(cluster), spec.properties.max_cluster_service_num or SERVICE_NUMBERS[-1])
        except UsageError as error:
            findings.error(_CLUSTER, spec.cluster_cidr, error.title, error.fix)
            return
    try:
        nodes = ClusterNetwork.from_spec(spec).max_nodes
    except UsageError:
        return  # a service network that is too small has been reported
    if nodes < max(1, len(scope.para.machines)):
        findings.error(
            _CLUSTER,
            spec.cluster_cidr,
            f"has room for {nodes} node(s), but there are {len(scope.para.machines)} machine(s)",
            "Take a larger clusterCIDR, a smaller maxNodePodNum or a serviceCIDR outside of it.",
        )

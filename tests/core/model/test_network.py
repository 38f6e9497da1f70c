from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tke_tui.core.errors import UsageError
from tke_tui.core.model.cluster import ClusterSpec, Properties
from tke_tui.core.model.network import ClusterNetwork, derive_service_cidr, node_mask, service_ip


def networks(low: int, high: int) -> st.SearchStrategy[IPv4Network]:
    return st.builds(
        lambda address, prefix: IPv4Network((address, prefix), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(low, high),
    )


@given(st.integers(1, 2**20))
def test_a_node_slice_is_the_smallest_that_holds_its_pods(pods: int) -> None:
    size = 1 << (32 - node_mask(pods))

    assert size >= pods
    assert size == 1 or size // 2 < pods


@given(networks(0, 28), st.integers(1, 2**16))
def test_the_service_network_is_the_smallest_tail_of_the_pod_network(
    pods: IPv4Network, services: int
) -> None:
    assume(services <= pods.num_addresses)

    service = IPv4Network(derive_service_cidr(str(pods), services))

    assert service.subnet_of(pods)
    assert service.broadcast_address == pods.broadcast_address
    assert service.num_addresses >= services
    assert service.num_addresses == 1 or service.num_addresses // 2 < services


@given(networks(0, 32), st.integers(0, 2**32))
def test_an_indexed_address_lies_in_its_network_or_is_refused(network: IPv4Network, index: int) -> None:
    if index < network.num_addresses:
        address = IPv4Address(service_ip(str(network), index))
        assert address in network
        assert int(address) - int(network.network_address) == index
    else:
        with pytest.raises(UsageError, match="no address number"):
            service_ip(str(network), index)


@given(
    networks(8, 24),
    st.sampled_from([16, 32, 64, 128, 256]),
    st.sampled_from([32, 256, 1024, 32768]),
    st.none() | networks(16, 28),
)
def test_max_nodes_counts_the_slices_that_services_leave_free(
    pods: IPv4Network, per_node: int, services: int, own: IPv4Network | None
) -> None:
    assume(own is not None or services <= pods.num_addresses)
    spec = ClusterSpec(
        cluster_cidr=str(pods),
        service_cidr=str(own) if own else "",
        properties=Properties(max_node_pod_num=per_node, max_cluster_service_num=services),
    )

    result = ClusterNetwork.from_spec(spec)

    assert result.node_cidr_mask_size == node_mask(per_node)
    service = IPv4Network(result.service_cidr)
    # Counting slices one by one is the definition, but only affordable for small networks.
    assume(result.node_cidr_mask_size - pods.prefixlen <= 10)
    slices = pods.subnets(new_prefix=result.node_cidr_mask_size)
    assert result.max_nodes == sum(1 for piece in slices if not piece.overlaps(service))


def test_the_documented_example() -> None:
    spec = ClusterSpec(
        cluster_cidr="192.168.0.0/16",
        properties=Properties(max_node_pod_num=256, max_cluster_service_num=256),
    )

    assert ClusterNetwork.from_spec(spec) == ClusterNetwork(
        cluster_cidr="192.168.0.0/16",
        service_cidr="192.168.255.0/24",
        node_cidr_mask_size=24,
        kubernetes_service_ip="192.168.255.1",
        dns_ip="192.168.255.10",
        gpu_quota_ip="192.168.255.9",
        galaxy_ipam_ip="192.168.255.8",
        max_nodes=255,
    )


def test_an_empty_spec_gives_the_default_networks() -> None:
    network = ClusterNetwork.from_spec(ClusterSpec())

    assert (network.cluster_cidr, network.service_cidr) == ("10.244.0.0/16", "10.244.255.0/24")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (ClusterSpec(cluster_cidr="10.0.0.0/25"), "smaller than the slice"),
        (ClusterSpec(cluster_cidr="10.0.0.0"), "not an IPv4 network"),
        (ClusterSpec(service_cidr="10.96.0.0/29"), "no address number 10"),
        (
            ClusterSpec(cluster_cidr="10.0.0.0/24", properties=Properties(max_cluster_service_num=512)),
            "no room for 512 services",
        ),
        (ClusterSpec(properties=Properties(max_node_pod_num=-1)), "not possible"),
    ],
)
def test_impossible_networks_are_refused_with_a_remedy(spec: ClusterSpec, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        ClusterNetwork.from_spec(spec)

    assert caught.value.fix

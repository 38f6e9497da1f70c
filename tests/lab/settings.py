"""Names, addresses and paths of the lab: one place, because tests and the bundle builder use them too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

KUBERNETES_VERSION = "v1.20.2"
TKE_VERSION = "v1.3.0"
DEBIAN_CODENAME = "bookworm"

NETWORK_NAME = "tke-lab"
# 198.18.0.0/15 is set aside for benchmarks (RFC 2544), so no LAN of the person running the lab is shadowed.
NETWORK = IPv4Network("198.18.0.0/24")
GATEWAY = IPv4Address("198.18.0.1")
LOAD_BALANCER = IPv4Address("198.18.0.50")
VIP = IPv4Address("198.18.0.100")
THIRD_PARTY_REGISTRY = IPv4Address("198.18.0.60")
ELASTICSEARCH = IPv4Address("198.18.0.61")
IDENTITY_PROVIDER = IPv4Address("198.18.0.62")

NODE_IMAGE = "tke-lab-node"
DOCKER_NODE_IMAGE = "tke-lab-node-docker"
LOAD_BALANCER_IMAGE = "tke-lab-lb"
LOAD_BALANCER_NAME = "tke-lab-lb"
EXTRAS_IMAGE = "tke-lab-extras"
LABEL = "tke-lab"
MAX_NODES = 30
OPS_USER = "ops"


class LabError(Exception):
    """A stage of the lab failed. The text says what, where, the evidence and how to go on."""


@dataclass(frozen=True)
class Paths:
    """Where the lab keeps its files. Everything is below one cache root."""

    root: Path

    @property
    def apt(self) -> Path:
        return self.root / "apt"

    @property
    def kubernetes_bin(self) -> Path:
        return self.kubernetes_programs(KUBERNETES_VERSION)

    def kubernetes_programs(self, version: str) -> Path:
        return self.root / "k8s" / version / "bin"

    @property
    def kubernetes_source(self) -> Path:
        return self.root / "src" / f"kubernetes-{KUBERNETES_VERSION}"

    @property
    def gopath(self) -> Path:
        return self.root / "gopath"

    @property
    def go_cache(self) -> Path:
        return self.root / "go-build"

    @property
    def rootfs(self) -> Path:
        return self.root / "rootfs"

    @property
    def docker_data(self) -> Path:
        return self.root / "docker"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def state(self) -> Path:
        return self.run / "lab.json"


def paths() -> Paths:
    """Paths below ``$TKE_LAB_CACHE``, by default ``/var/cache/tke-tui-lab``."""
    return Paths(Path(os.environ.get("TKE_LAB_CACHE") or "/var/cache/tke-tui-lab"))


def node_name(number: int) -> str:
    """Container name and hostname of node ``number`` (1-based)."""
    return f"tke-lab-{number}"


def node_address(number: int) -> IPv4Address:
    """Fixed address of node ``number`` (1-based): 198.18.0.11 for the first.

    Raises ValueError when the number is outside 1..MAX_NODES, whose addresses stay clear of .50 and .100.
    """
    if not 1 <= number <= MAX_NODES:
        raise ValueError(f"node number {number} is outside 1..{MAX_NODES}")
    return NETWORK[10 + number]

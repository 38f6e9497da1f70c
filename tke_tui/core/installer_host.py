"""The machine the installer runs on: its addresses as the nodes see them."""

from __future__ import annotations

import socket
from collections.abc import Iterable


def source_address(target: str) -> str:
    """Our own address on the route to `target` (an IP address). No packet is sent; OSError without a route."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 80))
        return str(probe.getsockname()[0])


def is_own_address(address: str) -> bool:
    """True when an interface of this host carries `address`: only then can a socket be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def includes_self(addresses: Iterable[str]) -> bool:
    """True when the installer runs on one of the machines."""
    return any(is_own_address(address) for address in addresses)

"""The machine the installer runs on: its addresses as the nodes see them."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from tke_tui.core.simulated import is_simulated

_PROC = Path("/proc")


def source_address(target: str) -> str:
    """Our own address on the route to `target` (an IP address). No packet is sent; OSError without a route.

    To simulated machines this host is 127.0.0.1, also where the rest of 127.0.0.0/8 leads nowhere.
    """
    if is_simulated(target):
        return "127.0.0.1"
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 80))
        return str(probe.getsockname()[0])


def is_own_address(address: str, proc: Path = _PROC) -> bool:
    """True when an interface of this host carries `address`.

    Only then can a socket be bound to it, unless the kernel allows any address (`ip_nonlocal_bind`, as load
    balancers want it); then its tables are asked. Simulated machines are never this host.
    """
    if is_simulated(address):
        return False
    six = ":" in address
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    if not _any_can_be_bound(proc, six=six) or ip_address(address).is_loopback:
        return True
    return address in (_addresses_6(proc) if six else _addresses_4(proc))


def includes_self(addresses: Iterable[str]) -> bool:
    """True when the installer runs on one of the machines."""
    return any(is_own_address(address) for address in addresses)


def _any_can_be_bound(proc: Path, *, six: bool) -> bool:
    switch = proc / "sys/net" / ("ipv6" if six else "ipv4") / "ip_nonlocal_bind"
    try:
        return switch.read_text().strip() == "1"
    except OSError:
        return False


def _addresses_4(proc: Path) -> set[str]:
    """The lines before `/32 host LOCAL` in /proc/net/fib_trie: `|-- 10.0.0.1`."""
    found, last = set(), ""
    for line in (proc / "net/fib_trie").read_text().splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            last = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            found.add(last)
    return found


def _addresses_6(proc: Path) -> set[str]:
    """The first column of /proc/net/if_inet6, 32 hexadecimal digits."""
    lines = (proc / "net/if_inet6").read_text().splitlines()
    return {str(ip_address(bytes.fromhex(line.split()[0]))) for line in lines if line}

"""Which addresses belong to machines that are only simulated (`tke-tui lab`), so that nobody takes them for real."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network

NETWORK = IPv4Network("127.77.0.0/16")
"""The machines of the embedded lab live here; no real machine can be reached at such an address."""


def is_simulated(address: str) -> bool:
    """True for the address of a machine of the embedded lab."""
    try:
        return IPv4Address(address) in NETWORK
    except AddressValueError:
        return False

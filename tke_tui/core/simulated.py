"""Which addresses belong to machines that are only simulated (`tke-tui lab`), so that nobody takes them for real."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path

NETWORK = IPv4Network("127.77.0.0/16")
"""The machines of the embedded lab live here; no real machine can be reached at such an address."""

NOTE = "SIMULATED: there are no such machines, and nothing of this is real."
"""What is said wherever something that was done in the embedded lab is told."""


def is_simulated(address: str) -> bool:
    """True for the address of a machine of the embedded lab."""
    if not address.startswith("127."):
        return False
    try:
        return IPv4Address(address) in NETWORK
    except AddressValueError:
        return False


def any_simulated(addresses: Iterable[object]) -> bool:
    """Whether machines of the embedded lab are among these: then nothing that was done with them is real."""
    return any(is_simulated(str(address)) for address in addresses)


def simulated_input(document: Path) -> bool:
    """Whether the input of an installation (`InstallDir.para`) names simulated machines; False when there is none."""
    try:
        machines = json.loads(document.read_bytes())["cluster"]["spec"]["machines"]
        return any_simulated(machine["ip"] for machine in machines)
    except (OSError, ValueError, KeyError, TypeError):
        return False

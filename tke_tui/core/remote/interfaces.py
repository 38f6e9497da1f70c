"""Which network interface of a machine carries an address: the very address, not one that looks like it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tke_tui.core.errors import Evidence, Fatal

if TYPE_CHECKING:
    from tke_tui.core.node import Node


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address on an interface, e.g. `eth0`, `10.0.0.1`, 24."""

    interface: str
    address: str
    prefix: int


async def addresses(node: Node) -> list[Address]:
    """All IPv4 addresses of a machine. Raises `CommandFailed` when `ip` does not work at all."""
    shown = await node.read("ip", "-j", "-4", "addr", "show", check=False)
    if shown.exit_code == 0 and (found := parse_json(shown.stdout)):
        return found
    # iproute2 before 4.13 knows no JSON.
    return parse_lines((await node.read("ip", "-o", "-4", "addr", "show")).stdout)


async def interface_of(node: Node, address: str) -> str:
    """Name of the interface that carries `address`. Raises `Fatal` when none does."""
    found = await addresses(node)
    for entry in found:
        if entry.address == address:
            return entry.interface
    raise Fatal(
        f"{node.name}: no network interface carries {address}",
        detail=f"addresses there: {', '.join(entry.address for entry in found) or 'none'}",
        fix="Give the machine's own address, not one that is translated to it, in cluster.spec.machines.",
        evidence=Evidence(
            "ip -4 addr show", 0, tuple(f"{e.interface} {e.address}/{e.prefix}" for e in found)
        ),
    )


def parse_json(text: str) -> list[Address]:
    """Read `ip -j addr show`; empty when it is not that."""
    try:
        links = json.loads(text)
        return [
            Address(link["ifname"], info["local"], int(info["prefixlen"]))
            for link in links
            for info in link.get("addr_info") or []
            if info.get("family") == "inet" and "local" in info
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def parse_lines(text: str) -> list[Address]:
    """Read `ip -o -4 addr show`: `2: eth0    inet 10.0.0.1/24 brd …`, one line per address."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[2] == "inet":
            address, _, prefix = words[3].partition("/")
            found.append(Address(words[1].partition("@")[0].rstrip(":"), address, int(prefix or 32)))
    return found

"""Pod and service networks, network device and virtual IP against the real networks of the machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, installed_by_us

COMMAND_MISSING = 127


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    device: str
    address: IPv4Interface


def parse_addresses(text: str) -> list[DeviceAddress]:
    """IPv4 addresses from the output of `ip -o -4 address show`."""
    rows = (line.split() for line in text.splitlines())
    return [DeviceAddress(row[1], IPv4Interface(row[3])) for row in rows if len(row) > 3 and row[2] == "inet"]


def parse_routes(text: str) -> list[tuple[IPv4Network, str]]:
    """(destination, device) from the output of `ip -o -4 route show`, the default route left out."""
    return list(_routes(text))


def _routes(text: str) -> Iterator[tuple[IPv4Network, str]]:
    kinds = ("unicast", "blackhole", "unreachable", "prohibit", "local", "broadcast", "throw")
    for row in (line.split() for line in text.splitlines()):
        words = row[1:] if row[:1] and row[0] in kinds else row
        if words and words[0] != "default":
            yield IPv4Network(words[0], strict=False), words[words.index("dev") + 1] if "dev" in words else ""


async def addresses(node: Node) -> list[DeviceAddress]:
    return parse_addresses((await node.read("ip", "-o", "-4", "address", "show")).stdout)


class ClusterNetworks(NodeProbe):
    """Pods and services of a network that the machine itself uses could not be reached, or the machine could not."""

    name: ClassVar[str] = "NetworkOverlap"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        if installed_by_us(ctx, node):
            return [self.ok(node.name)]
        routes = parse_routes((await node.read("ip", "-o", "-4", "route", "show")).stdout)
        own = [(entry.address.network, entry.device) for entry in await addresses(node)]
        networks = {"clusterCIDR": ctx.network.cluster_cidr, "serviceCIDR": ctx.network.service_cidr}
        found: dict[str, Finding] = {}
        for key, cidr in networks.items():
            for network, device in dict.fromkeys(own + routes):
                if network.overlaps(IPv4Network(cidr)):
                    message = f"{key} {cidr} overlaps {network} of {device or 'the routing table'}"
                    fix = f"Choose another cluster.spec.{key} (or remove the device, if it is left of another cluster)"
                    found.setdefault(message, self.error(node.name, message, fix))
        return list(found.values()) or [self.ok(node.name)]


class NetworkDevice(NodeProbe):
    name: ClassVar[str] = "NetworkDevice"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        device = ctx.para.cluster.spec.network_device
        entries = await addresses(node)
        carries = next((entry.device for entry in entries if str(entry.address.ip) == node.name), "")
        if not await node.exists(f"/sys/class/net/{device}"):
            advice = carries or ", ".join(sorted({e.device for e in entries if not e.address.ip.is_loopback}))
            fix = f"Set cluster.spec.networkDevice to {advice}"
            return [self.error(node.name, f"there is no network device {device}", fix)]
        if carries and carries != device:
            message = f"{device} is not the device that carries {node.name}; that is {carries}"
            return [
                self.warning(
                    node.name, message, f"Set cluster.spec.networkDevice to {carries} unless it is meant"
                )
            ]
        return [self.ok(node.name, device)]


class VirtualIP(NodeProbe):
    """Only for the VIP that keepalived will hold; that of a load balancer is not ours to judge."""

    name: ClassVar[str] = "VIP"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        ha = ctx.para.ha
        if ha is None or ha.tke is None or not ha.tke.vip:
            return []
        if ctx.services.finished("EnsureKeepalivedInit", ctx.para.first.ip):
            return [self.ok(node.name, "set up by this installation")]
        vip = ha.tke.vip
        entries = await addresses(node)
        holder = next((entry.device for entry in entries if str(entry.address.ip) == vip), "")
        if holder:
            fix = f"Remove it (`ip address del {vip}/32 dev {holder}`), or choose a free VIP"
            return [self.error(node.name, f"{vip} is already an address of {holder}", fix)]
        if await _answers(node, vip):
            return [
                self.error(node.name, f"something answers at {vip} already", "Choose a free address as VIP")
            ]
        networks = [entry.address.network for entry in entries if str(entry.address.ip) == node.name]
        if networks and not any(IPv4Address(vip) in network for network in networks):
            message = f"{vip} is not in the network {networks[0]} of the machine"
            return [self.warning(node.name, message, "Choose a VIP in the machines' own network")]
        return [self.ok(node.name)]


async def _answers(node: Node, address: str) -> bool:
    """True when something answers at `address`: to a ping from the machine, else to the installer host."""
    ping = await node.read("ping", "-c", "1", "-W", "1", "--", address, check=False, timeout=10)
    if ping.exit_code != COMMAND_MISSING:
        return ping.exit_code == 0
    for port in (API_SERVER_PORT, 22):
        try:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            return True
        except OSError:
            continue
        writer.close()
        return True
    return False

"""High availability: the virtual IP and how it comes about."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from tke_tui.core.model.rules.base import Scope, check_address, check_port, ipv4


def check_ha(scope: Scope) -> None:
    ha, findings = scope.para.ha, scope.findings
    if ha is None:
        return
    path = "Config.ha" if scope.para.config.ha is not None else "cluster.spec.features.ha"
    if ha.tke is not None and ha.third_party is not None:
        findings.error(path, None, "both tke and thirdParty are given", "Keep one of them.")
    elif ha.tke is None and ha.third_party is None:
        findings.error(path, None, "neither tke nor thirdParty is given", "Give one of them, or remove ha.")
    if ha.tke is not None:
        address = _vip(scope, f"{path}.tke.vip", ha.tke.vip)
        vrid = ha.tke.vrid
        if vrid is not None and not 1 <= vrid <= 255:
            findings.error(f"{path}.tke.vrid", vrid, "no VRRP router id", "Give a number from 1 to 255.")
        if address is not None:
            _keepalived(scope, f"{path}.tke.vip", address, vrid)
    if ha.third_party is not None:
        _vip(scope, f"{path}.thirdParty.vip", ha.third_party.vip)
        check_port(findings, f"{path}.thirdParty.vport", ha.third_party.vport)


def _vip(scope: Scope, path: str, text: str) -> IPv4Address | None:
    address = check_address(scope.findings, path, text, "the virtual IP")
    if address is None:
        return None
    for index, machine in enumerate(scope.para.machines, start=1):
        if ipv4(machine.ip) == address:
            scope.findings.error(
                path,
                text,
                f"the virtual IP is the address of machine number {index}",
                "Take a free address of the same network.",
            )
    return address


def _keepalived(scope: Scope, path: str, address: IPv4Address, vrid: int | None) -> None:
    if vrid is None and int(address) & 0xFF == 255:
        scope.findings.error(
            path,
            address,
            "its last byte + 1 would be the VRRP router id, and 256 is none",
            "Take another address, or set vrid beside it to a number from 1 to 255.",
        )
    machines = [found for machine in scope.para.machines if (found := ipv4(machine.ip)) is not None]
    neighbours = IPv4Network((int(address) & ~0xFF, 24))
    if machines and not any(machine in neighbours for machine in machines):
        scope.findings.warning(
            path,
            address,
            "no machine is in its /24: keepalived can only keep an address of the machines' own network",
            "Take a free address of that network, unless its prefix is shorter than /24.",
        )

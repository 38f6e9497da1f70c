"""The ordered list of checks, and running all of them on all machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from tke_tui.core.context import Context
from tke_tui.core.errors import TkeError, Unreachable
from tke_tui.core.node import Node
from tke_tui.core.probes.architecture import Architecture
from tke_tui.core.probes.bundle_images import BundleImages
from tke_tui.core.probes.clock import TimeOffset
from tke_tui.core.probes.disk import Disk
from tke_tui.core.probes.engines import ContainerEngine
from tke_tui.core.probes.finding import UNREACHABLE, Finding, Probe, unreachable
from tke_tui.core.probes.gpu import GPU
from tke_tui.core.probes.installer import InstallerDisk, InstallerDocker, InstallerPorts
from tke_tui.core.probes.kernel import KernelFeatures, KernelVersion
from tke_tui.core.probes.leftovers import Leftovers
from tke_tui.core.probes.login import PrivilegedUser
from tke_tui.core.probes.names import Hostname, HostsFile
from tke_tui.core.probes.network import ClusterNetworks, NetworkDevice, VirtualIP
from tke_tui.core.probes.operating_system import OperatingSystem
from tke_tui.core.probes.ports import Ports
from tke_tui.core.probes.registry_login import RegistryLogin
from tke_tui.core.probes.resources import Memory, Processors
from tke_tui.core.probes.security import Firewall, SELinux
from tke_tui.core.probes.swap import Swap
from tke_tui.core.probes.tools import Tools

PROBES: tuple[Probe, ...] = (
    PrivilegedUser(),
    OperatingSystem(),
    Architecture(),
    KernelVersion(),
    KernelFeatures(),
    Processors(),
    Memory(),
    Disk(),
    Swap(),
    TimeOffset(),
    Hostname(),
    HostsFile(),
    Tools(),
    Ports(),
    Leftovers(),
    ContainerEngine(),
    NetworkDevice(),
    ClusterNetworks(),
    VirtualIP(),
    SELinux(),
    Firewall(),
    GPU(),
    InstallerDocker(),
    InstallerPorts(),
    InstallerDisk(),
    BundleImages(),
    RegistryLogin(),
)

EVERYTHING = "all"
"""In place of a check's name: ignore every error and warning, except that a machine cannot be reached."""


async def run_probes(
    ctx: Context,
    probes: Sequence[Probe] = PROBES,
    *,
    heard: Callable[[Sequence[Finding]], None] = lambda findings: None,
) -> list[Finding]:
    """Every finding of every check, ordered by machine and then by check; nothing is changed.

    `heard` gets them as they come, check by check.

    One check after the other, each on all machines at once, so that the clock is compared on idle connections.
    Findings named in `ctx.options.ignore_preflight` get the severity "ignored".
    """
    nodes = [ctx.on(machine) for machine in ctx.para.machines]
    failures = await asyncio.gather(*(_reach(node) for node in nodes))
    ignored = {name.lower() for name in ctx.options.ignore_preflight}
    found = [failure for failure in failures if failure is not None]
    heard(found)
    reached = [node for node, failure in zip(nodes, failures, strict=True) if failure is None]
    for number, probe in enumerate(probes):
        ctx.progress(number, len(probes), "checks done")
        try:
            new = await probe.findings(ctx, reached)
        except TkeError as error:
            name = UNREACHABLE if isinstance(error, Unreachable) else probe.name
            new = [Finding(name, "", "error", f"cannot be checked: {error.title}; {error.detail}", error.fix)]
        new = [_ignore(finding, ignored) for finding in new]
        heard(new)
        found += new
    ctx.progress(len(probes), len(probes), "checks done")
    order = {node.name: number for number, node in enumerate(nodes)}
    found.sort(key=lambda finding: order.get(finding.node, len(order)))
    return list(dict.fromkeys(found))


async def _reach(node: Node) -> Finding | None:
    """None when a command can be run on the machine."""
    try:
        await node.read("true", timeout=60)
    except TkeError as error:
        return unreachable(node.name, error)
    return None


def _ignore(finding: Finding, ignored: set[str]) -> Finding:
    named = EVERYTHING in ignored or finding.check.lower() in ignored
    if named and finding.severity in ("error", "warning") and finding.check != UNREACHABLE:
        return replace(finding, severity="ignored")
    return finding

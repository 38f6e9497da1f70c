"""The installer host: docker, the ports of the local registry, space for images."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.errors import TkeError
from tke_tui.core.handover import STOP_LOCAL_REGISTRY, handed_over
from tke_tui.core.local_ports import listener
from tke_tui.core.local_registry import CONTAINERS, is_ours
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, Probe

GIB = 1 << 30


class InstallerDocker(Probe):
    """Docker loads, tags and pushes the images; nothing is to be pushed for a registry that has them."""

    name: ClassVar[str] = "InstallerDocker"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        if ctx.para.registry_is_official:
            return []
        try:
            version = await (await ctx.docker()).version()
        except TkeError as error:
            return [self.error("", f"{error.title}; {error.detail}", error.fix)]
        return [self.ok("", f"docker {version.get('Version', '')}".strip())]


class InstallerPorts(Probe):
    name: ClassVar[str] = "InstallerPort"
    checks: ClassVar[tuple[str, ...]] = ("InstallerPort-80", "InstallerPort-443")

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        if not ctx.para.tke_registry or ctx.services.finished("Setup local registry", ""):
            return []
        if await handed_over(ctx, STOP_LOCAL_REGISTRY):
            return []
        if await self._registry_runs(ctx):
            return [self.ok("", "held by this installation's registry")]
        found = []
        for port in dict.fromkeys((ctx.options.registry_http_port, ctx.options.registry_https_port)):
            check, holder = f"{self.name}-{port}", listener(port)
            if holder is None:
                found.append(self.ok("", check=check))
            else:
                message = f"port {port} of the installer host is in use by {holder}"
                fix = "Stop it for the installation: the local registry needs the port"
                found.append(self.error("", message, fix, check=check))
        return found

    async def _registry_runs(self, ctx: Context) -> bool:
        """An installation that was killed while it started its registry knows nothing of it."""
        try:
            docker = await ctx.docker()
            present = [await docker.container(name) for name in CONTAINERS]
        except TkeError:
            return False
        return any(one is not None and is_ours(ctx, one) and one["State"].get("Running") for one in present)


class InstallerDisk(Probe):
    """Loading and serving the images takes about three times the archive: layers, and the registry's copy."""

    name: ClassVar[str] = "InstallerDisk"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        archive = ctx.bundle.images_archive
        done = ctx.services.finished("Push images", "")
        if ctx.para.registry_is_official or done or not archive.is_file():
            return []
        needed = 3 * archive.stat().st_size
        directory = ctx.directory.root if ctx.directory.root.is_dir() else Path("/")
        free = shutil.disk_usage(directory).free
        text = f"{free / GIB:.1f} GiB free at {directory}"
        if free >= needed:
            return [self.ok("", text)]
        fix = "Make room on the installer host, or choose another --dir"
        return [self.error("", f"{text}, about {needed / GIB:.1f} GiB are needed for the images", fix)]

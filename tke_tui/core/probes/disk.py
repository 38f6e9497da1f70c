"""Free space where images, containers, etcd and the platform's data go."""

from __future__ import annotations

import posixpath
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, installed_by_us

GIB = 1 << 30
FIRST_GIB = 30
"""The original's limit for the first machine, which also keeps the platform's registry."""
OTHER_GIB = 15
DATA_ROOT_GIB = 15
DIRECTORY = "/var/lib"


class Disk(NodeProbe):
    name: ClassVar[str] = "Disk"
    checks: ClassVar[tuple[str, ...]] = (f"Disk-{DIRECTORY}", "Disk-/*")

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        first = node.name == ctx.para.first.ip
        found = [await self._judge(ctx, node, DIRECTORY, FIRST_GIB if first else OTHER_GIB)]
        data_root = ctx.para.cluster.spec.docker_extra_args.get("data-root", "")
        if data_root.startswith("/") and not data_root.startswith(f"{DIRECTORY}/"):
            found.append(await self._judge(ctx, node, data_root, DATA_ROOT_GIB))
        return found

    async def _judge(self, ctx: Context, node: Node, directory: str, limit: int) -> Finding:
        check = f"{self.name}-{directory}"
        free = await _free_bytes(node, directory)
        text = f"{free / GIB:.1f} GiB free in {directory}"
        if free >= limit * GIB or installed_by_us(ctx, node):
            return self.ok(node.name, text, check=check)
        fix = f"Make room, or mount a larger disk at {directory} (or set dockerExtraArgs.data-root)"
        return self.error(node.name, f"{text}, {limit} GiB are needed", fix, check=check)


async def _free_bytes(node: Node, directory: str) -> int:
    """Free bytes of the file system that `directory` is on or will be on."""
    while directory != "/" and not await node.exists(directory):
        directory = posixpath.dirname(directory)
    table = (await node.read("df", "-P", "-k", "--", directory)).stdout.splitlines()
    return int(table[-1].split()[3]) * 1024

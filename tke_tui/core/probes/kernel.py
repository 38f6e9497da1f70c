"""Kernel version and features, looked at without loading anything."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.ensure_kernel_module import ALL_FEATURES, required_features, useful_features
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe
from tke_tui.core.remote.kernel import Kernel, State

OLDEST = (3, 10)


class KernelVersion(NodeProbe):
    name: ClassVar[str] = "KernelCheck-3-10"

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        kernel = await Kernel.read(node)
        if kernel.version < OLDEST:
            return [self.error(node.name, f"kernel {kernel.release} is too old", "Use kernel 3.10 or newer")]
        return [self.ok(node.name, kernel.release)]


class KernelFeatures(NodeProbe):
    name: ClassVar[str] = "KernelModule"
    checks: ClassVar[tuple[str, ...]] = tuple(f"KernelModule-{feature.module}" for feature in ALL_FEATURES)

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        kernel = await Kernel.read(node)
        required = required_features(ctx.para)
        found = []
        for feature in (*required, *useful_features(ctx.para)):
            check = f"{self.name}-{feature.module}"
            state = await kernel.state(feature)
            if state is State.ABSENT and feature in required:
                fix = f"Use a kernel with {feature.option}, or install the modules of {kernel.release}"
                found.append(self.error(node.name, "the kernel does not have it", fix, check=check))
            else:
                found.append(self.ok(node.name, state.value, check=check))
        return found

"""The bundle holds every image that this input needs, for the machines' architectures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.needed_images import needed_images
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, Probe
from tke_tui.core.remote.packages import ARCHITECTURES


class BundleImages(Probe):
    """An image for one architecture only carries none in its name and counts for every machine."""

    name: ClassVar[str] = "BundleImages"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        needed = needed_images(ctx.para, ctx.bundle)
        if not needed:
            return []
        contents, architectures = set(ctx.bundle.manifest.contents), await _architectures(ctx, nodes)
        found = []
        for image in needed:
            name, colon, tag = image.partition(":")
            missing = [
                arch
                for arch in architectures
                if contents.isdisjoint({f"{name}:{tag}", f"{name}-{arch}:{tag}"}) or not colon
            ]
            if missing:
                found.append(self._missing(image, missing))
        return found or [self.ok("", f"{len(needed)} images")]

    def _missing(self, image: str, architectures: Sequence[str]) -> Finding:
        message = f"the bundle has no image {image} for {', '.join(architectures)}"
        fix = "Take a bundle that holds it, or switch off the part of the input that needs it"
        return self.error("", message, fix)


async def _architectures(ctx: Context, nodes: Sequence[Node]) -> list[str]:
    """Those of the machines that the bundle is made for; another probe speaks of the others."""
    answers = await asyncio.gather(*(node.read("uname", "-m", check=False) for node in nodes))
    present = {ARCHITECTURES.get(answer.stdout.strip()) for answer in answers}
    offered = ctx.bundle.manifest.architectures
    return [arch for arch in offered if arch in present] or offered

"""Load images: the bundle's images into Docker of the installer host, under the name of the registry they go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.errors import BundleError
from tke_tui.core.images import local_filter, local_name
from tke_tui.core.paths import write_private
from tke_tui.core.task import Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

ARCHIVE = "images.tar.gz"
SOURCE = "tkestack"
RECORD = "loaded-images"
"""File of the installation directory: checksum of the archive whose images were loaded last."""


def official(para: CreateClusterPara) -> str | None:
    """Why images need neither be loaded nor pushed, if so."""
    return f"{para.registry_prefix} already holds the images" if para.registry_is_official else None


class LoadImages(Task):
    """Loads only when an image is missing or the archive is not the one loaded before; tags what has no name yet."""

    name: ClassVar[str] = "Load images"
    title: ClassVar[str] = "Load the bundle's images into Docker on this host"

    def left_out(self, para: CreateClusterPara) -> str | None:
        return official(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.registry_prefix, bundle.fingerprint]

    async def run(self, ctx: Context) -> None:
        docker, prefix = await ctx.docker(), ctx.para.registry_prefix
        contents = ctx.bundle.manifest.contents
        archive = ctx.bundle.manifest.files.get(ARCHIVE)
        checksum = archive.sha256 if archive is not None else ""
        record = ctx.directory.root / RECORD
        other = record.is_file() and record.read_text().strip() != checksum
        present = set() if other else set(await docker.images(local_filter(prefix)))
        missing = {e: name for e in contents if (name := local_name(prefix, e)) not in present}
        if not missing:
            return
        sources = set() if other else set(await docker.images(f"{SOURCE}/*"))
        if any(f"{SOURCE}/{entry}" not in sources for entry in missing):
            await self._load(ctx, len(missing), checksum)
        if ctx.mutate(f"name {len(missing)} images {prefix}/…"):
            for entry, name in missing.items():
                await docker.tag(f"{SOURCE}/{entry}", name)
            write_private(record, f"{checksum}\n")

    async def _load(self, ctx: Context, missing: int, checksum: str) -> None:
        if not ctx.mutate(f"load {ARCHIVE} into Docker ({missing} images are missing)"):
            return
        docker = await ctx.docker()
        await docker.load(
            ctx.bundle.images_archive,
            lambda done, total: ctx.progress(done, total, f"bytes of {ARCHIVE}"),
            sha256=checksum,
        )
        present = set(await docker.images(f"{SOURCE}/*"))
        absent = [entry for entry in ctx.bundle.manifest.contents if f"{SOURCE}/{entry}" not in present]
        if absent:
            raise BundleError(
                f"The image archive lacks {len(absent)} of {len(ctx.bundle.manifest.contents)} images",
                detail=", ".join(absent[:5]) + (" …" if len(absent) > 5 else ""),
                fix="Take a complete bundle; check it with tke-tui bundle verify.",
            )

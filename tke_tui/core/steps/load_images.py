"""Load images: the bundle's images into Docker of the installer host, under the name of the registry they go to."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import BundleError
from tke_tui.core.image_archive import image_ids
from tke_tui.core.images import local_filter, local_name
from tke_tui.core.paths import write_private
from tke_tui.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tke_tui.core.adapters.docker import DockerClient
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

ARCHIVE = "images.tar.gz"
SOURCE = "tkestack"
RECORD = "loaded-images"
"""File of the installation directory: an archive's checksum, and which IDs its images have in Docker."""


def official(para: CreateClusterPara) -> str | None:
    """Why images need neither be loaded nor pushed, if so."""
    return f"{para.registry_prefix} already holds the images" if para.registry_is_official else None


class LoadImages(Task):
    """A name in Docker counts when it stands for the very image of the archive; every other one is made to.

    Which images those are is known from loading the archive, or from reading it where Docker has all of the names
    already. Only what Docker does not have under any name makes it load.
    """

    name: ClassVar[str] = "Load images"
    title: ClassVar[str] = "Load the bundle's images into Docker on this host"

    def left_out(self, para: CreateClusterPara) -> str | None:
        return official(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.registry_prefix, bundle.fingerprint]

    async def run(self, ctx: Context) -> None:
        docker, prefix = await ctx.docker(), ctx.para.registry_prefix
        names = {entry: local_name(prefix, entry) for entry in ctx.bundle.manifest.contents}
        found = await docker.image_ids(local_filter(prefix))
        ids = _remembered(ctx) or await self._in_archive(ctx, docker, names, found)
        wrong = _wrong(names, found, ids)
        if not await _has_all(docker, [ids.get(entry, "") for entry in wrong]):
            ids = await self._load(ctx, docker, len(wrong)) or ids
            wrong = _wrong(names, found, ids)
        if ids and (others := [names[entry] for entry in wrong if names[entry] in found]):
            ctx.log(f"Docker has other images than the bundle's under these names: {_some(others)}")
        if wrong and ctx.mutate(f"name {len(wrong)} images {prefix}/…"):
            for entry in wrong:
                await docker.tag(ids[entry], names[entry])

    async def _in_archive(
        self, ctx: Context, docker: DockerClient, names: Mapping[str, str], found: Mapping[str, str]
    ) -> dict[str, str]:
        """IDs by entry, read from the archive; nothing where it has to be loaded whatever it holds."""
        sources = await docker.image_ids(f"{SOURCE}/*")
        if any(name not in found and f"{SOURCE}/{entry}" not in sources for entry, name in names.items()):
            return {}
        path, loop, stop = ctx.bundle.images_archive, asyncio.get_running_loop(), threading.Event()
        total = path.stat().st_size if path.is_file() else 0

        def tell(done: int) -> None:
            if not stop.is_set():
                ctx.progress(done, total, f"bytes of {ARCHIVE} compared with Docker")

        def on_bytes(done: int) -> None:
            loop.call_soon_threadsafe(tell, done)

        try:
            read = await asyncio.to_thread(image_ids, path, _checksum(ctx), on_bytes=on_bytes, stop=stop)
        finally:
            stop.set()
        ids = {entry: read[f"{SOURCE}/{entry}"] for entry in names if f"{SOURCE}/{entry}" in read}
        return _remember(ctx, ids) if len(ids) == len(names) else {}

    async def _load(self, ctx: Context, docker: DockerClient, count: int) -> dict[str, str]:
        """IDs by entry as Docker gave them; nothing when that was only planned."""
        if not ctx.mutate(f"load {ARCHIVE} into Docker for {count} images"):
            return {}
        loaded = await docker.load(
            ctx.bundle.images_archive,
            lambda done, total: ctx.progress(done, total, f"bytes of {ARCHIVE}"),
            sha256=_checksum(ctx),
        )
        contents = ctx.bundle.manifest.contents
        present = await docker.image_ids(f"{SOURCE}/*")
        absent = [e for e in contents if (name := f"{SOURCE}/{e}") not in present or name not in loaded]
        if absent:
            raise BundleError(
                f"The image archive lacks {len(absent)} of {len(contents)} images",
                detail=_some(absent),
                fix="Take a complete bundle; check it with tke-tui bundle verify.",
            )
        return _remember(ctx, {entry: present[f"{SOURCE}/{entry}"] for entry in contents})


def _wrong(names: Mapping[str, str], found: Mapping[str, str], ids: Mapping[str, str]) -> list[str]:
    """Entries whose name in Docker does not stand for their image."""
    return [entry for entry, name in names.items() if not ids.get(entry) or found.get(name) != ids[entry]]


async def _has_all(docker: DockerClient, ids: Iterable[str]) -> bool:
    for one in dict.fromkeys(ids):
        if not one or await docker.image(one) is None:
            return False
    return True


def _checksum(ctx: Context) -> str:
    entry = ctx.bundle.manifest.files.get(ARCHIVE)
    return entry.sha256 if entry is not None else ""


def _remembered(ctx: Context) -> dict[str, str]:
    """IDs by entry of this bundle's archive, as far as this installation knows them."""
    try:
        document = json.loads((ctx.directory.root / RECORD).read_bytes())
        if not document["archive"] or document["archive"] != _checksum(ctx):
            return {}
        return {str(entry): str(one) for entry, one in document["images"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(ctx: Context, ids: dict[str, str]) -> dict[str, str]:
    if ctx.mode is Mode.RUN:
        document = {"archive": _checksum(ctx), "images": ids}
        write_private(ctx.directory.root / RECORD, json.dumps(document, indent=1) + "\n")
    return ids


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")

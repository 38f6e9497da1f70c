"""Manifests of static pods that are written anew and come out as they were."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from tke_tui.core.context import Mode

if TYPE_CHECKING:
    from tke_tui.core.context import Context


@contextlib.asynccontextmanager
async def keeping_times(ctx: Context, paths: Iterable[str]) -> AsyncIterator[None]:
    """What has the same content afterwards gets its former time back.

    kubelet does not restart a pod for the same manifest, and everybody who waits for a container younger than its
    manifest would wait for ever. Only a run that ends well gives times back.
    """
    node = ctx.node
    before: dict[str, tuple[str, str]] = {}
    if ctx.mode is Mode.RUN:
        for path in paths:
            if (text := await node.read_text(path)) is not None:
                written = await node.read("stat", "-c", "%.9Y", path, check=False)
                before[path] = text, written.stdout.strip()
    yield
    for path, (text, moment) in before.items():
        if await node.read_text(path) == text:
            touch = ("touch", "--no-create", f"--date=@{moment}", "--", path)
            await node.change(f"keep the time of {path}", *touch)

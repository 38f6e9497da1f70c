"""Images on a machine before something needs them, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tke_tui.core.context import Context
from tke_tui.core.errors import CommandFailed
from tke_tui.core.handlers.pull_errors import explain_pull
from tke_tui.core.remote.waiting import at_once

PULLS_AT_ONCE = 3
PULL_SECONDS = 1800.0


async def pull_missing(ctx: Context, images: Sequence[str]) -> None:
    """Pull those of `images` (full references) that this task's machine lacks; the error of a pull names its cause."""
    missing = [image for image in images if not await _is_there(ctx, image)]
    present = len(images) - len(missing)

    async def pull(image: str) -> None:
        nonlocal present
        try:
            await ctx.node.change(f"pull {image}", "docker", "pull", image, timeout=PULL_SECONDS)
        except CommandFailed as error:
            raise explain_pull(ctx.node.name, image, error) from error
        present += 1
        ctx.progress(present, len(images), "images pulled")

    await at_once(PULLS_AT_ONCE, [partial(pull, image) for image in missing])


async def _is_there(ctx: Context, image: str) -> bool:
    return await ctx.node.ok("docker", "image", "inspect", "--format", "{{.Id}}", image)

"""The hand-over from the installer's registry to the platform's own: what it has done must not be turned back.

The steps of the hand-over undo what earlier steps made: containers go, names lead elsewhere. When those earlier steps
are gone through again, by `--force` or after a changed input, they ask here first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.paths import write_private
from tke_tui.core.tke_registry import tke_registry

if TYPE_CHECKING:
    from tke_tui.core.paths import InstallDir

STOP_LOCAL_REGISTRY = "Stop local registry to give up 80/443 for tke-gateway"
POINT_INSTALLER = "Prepare push images to TKE registry"
POINT_MACHINES = "Set global cluster hosts"
RECORD = "handover.json"
"""File of the installation directory: the registry's domain and the steps of its hand-over that ended well.

It outlives `--force`, which sets aside everything else that says how far the installation is.
"""


async def handed_over(ctx: Context, step: str) -> bool:
    """Whether `step` of the hand-over is done, so that what it took away must not be made again.

    What only the record says holds as long as the platform's registry answers: the machines may have been set up anew.
    """
    if ctx.services.finished(step, ""):
        return True
    if step not in _recorded(ctx.directory, ctx.para.registry_domain):
        return False
    async with tke_registry(ctx) as registry:
        try:
            await registry.ping()
        except TkeError:
            return False
    return True


def record(ctx: Context, step: str) -> None:
    """Write down that `step` ended well; only a real run does."""
    done = _recorded(ctx.directory, ctx.para.registry_domain)
    if ctx.mode is Mode.RUN and step not in done:
        document = {"domain": ctx.para.registry_domain, "steps": [*done, step]}
        write_private(ctx.directory.root / RECORD, json.dumps(document) + "\n")


def _recorded(directory: InstallDir, domain: str) -> list[str]:
    try:
        document = json.loads((directory.root / RECORD).read_bytes())
        return [str(step) for step in document["steps"]] if document["domain"] == domain else []
    except (OSError, ValueError, KeyError, TypeError):
        return []

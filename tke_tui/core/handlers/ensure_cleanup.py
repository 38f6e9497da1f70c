"""EnsureCleanup: nothing of the installation's temporary files stays on the machine."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.remote.packages import STAGING_DIRECTORY, UPLOAD_DIRECTORY
from tke_tui.core.task import Scope, Task


class EnsureCleanup(Task):
    name: ClassVar[str] = "EnsureCleanup"
    title: ClassVar[str] = "Remove temporary files"
    scope: ClassVar[Scope] = Scope.ALL
    skippable: ClassVar[bool] = True

    async def run(self, ctx: Context) -> None:
        for directory in (UPLOAD_DIRECTORY, STAGING_DIRECTORY):
            await ctx.node.remove(directory, recursive=True)

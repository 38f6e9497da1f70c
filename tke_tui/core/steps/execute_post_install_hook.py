"""Execute post install hook: a person's own steps on the installer host, when everything is installed."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.private_files import ensure_private, is_private
from tke_tui.core.result import FILE, Result
from tke_tui.core.steps.installer_hook import InstallerHook
from tke_tui.core.task import Need


class ExecutePostInstallHook(InstallerHook):
    """The last step. It also leaves `result.json` in the installation directory, at first, for the hook to read."""

    name: ClassVar[str] = "Execute post install hook"
    title: ClassVar[str] = "Run the post-install hook"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Execute post cluster ready hook"),
        Need("Import resource to TKE platform"),
        Need("Install tke-gateway"),
        Need("Set global cluster hosts"),
        Need("Install tke-auth-controller"),
        Need("Install tke audit"),
        Need("Install tke-business-controller"),
        Need("Install tke-monitor-controller"),
        Need("Install tke-notify-controller"),
        Need("Install tke-logagent-api"),
        Need("Install tke-logagent-controller"),
    )
    aliases: ClassVar[tuple[str, ...]] = ("Execute post deploy hook",)
    hook: ClassVar[str] = "post-install"

    async def check(self, ctx: Context) -> bool:
        text = Result.of(ctx.para, ctx.directory).to_text()
        return is_private(ctx.directory.root / FILE, text) and await super().check(ctx)

    async def run(self, ctx: Context) -> None:
        ensure_private(ctx, ctx.directory.root / FILE, Result.of(ctx.para, ctx.directory).to_text())
        await super().run(ctx)

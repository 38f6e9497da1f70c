"""EnsurePreflight: the settings of the handlers before took effect on this machine."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import PreflightFailed
from tke_tui.core.handlers.ensure_disable_swap import active_swap
from tke_tui.core.handlers.ensure_sysctl import REQUIRED
from tke_tui.core.remote.kernel import nat_table_works, read_sysctl
from tke_tui.core.task import Scope, Task


class EnsurePreflight(Task):
    """Changes nothing. What can be known before the first change is checked by the step `Preflight`."""

    name: ClassVar[str] = "EnsurePreflight"
    title: ClassVar[str] = "Verify the machine's settings"
    scope: ClassVar[Scope] = Scope.ALL
    skippable: ClassVar[bool] = True

    async def run(self, ctx: Context) -> None:
        if ctx.mode is Mode.PLAN:
            return
        problems = await self._problems(ctx)
        if problems:
            raise PreflightFailed(
                f"{ctx.node.name}: {len(problems)} of the machine's settings did not take effect",
                detail="\n".join(problems),
                fix="Correct them on the machine, then continue with --resume.",
            )

    async def _problems(self, ctx: Context) -> list[str]:
        node = ctx.node
        now = await read_sysctl(node, tuple(REQUIRED))
        problems = [
            f"{key} is {now.get(key, 'absent')} instead of {value}"
            for key, value in REQUIRED.items()
            if now.get(key) != value
        ]
        if swap := await active_swap(node):
            problems.append(f"swap is in use: {', '.join(swap)}")
        if not await nat_table_works(node):
            problems.append("the nat table of iptables cannot be used")
        return problems

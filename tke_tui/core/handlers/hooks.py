"""What the two hook handlers share: a person's own command line, run once on each machine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.errors import Fatal
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class MachineHook(Task):
    """Runs `features.hooks[key]` by `sh -c` on the machine, its first word made executable before.

    Nobody can see from outside whether a hook has done its work, so it counts as done when it once ended well.
    """

    scope: ClassVar[Scope] = Scope.ALL
    skippable: ClassVar[bool] = True
    attempts: ClassVar[int] = 1
    key: ClassVar[str]

    def left_out(self, para: CreateClusterPara) -> str | None:
        return None if self._line(para) else f"cluster.spec.features.hooks.{self.key} is not given"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return self._line(para)

    async def check(self, ctx: Context) -> bool:
        return ctx.finished(self.name)

    async def run(self, ctx: Context) -> None:
        line = self._line(ctx.para)
        try:
            program = shlex.split(line)[0]
        except ValueError as error:
            raise Fatal(
                f"The {self.key} hook is no command line",
                detail=f"{line}: {error}",
                fix=f"Correct cluster.spec.features.hooks.{self.key}, then continue with --resume.",
            ) from None
        fix = (
            f"Correct the hook or take {self.key} out of cluster.spec.features.hooks; continue with --resume."
        )
        if program.startswith("/") and not await ctx.node.ok("test", "-x", program):
            await ctx.node.change(f"make {program} executable", "chmod", "+x", "--", program, fix=fix)
        await ctx.node.change(
            f"run the {self.key} hook by sh: {line}", "sh", "-c", line, timeout=3600, fix=fix
        )

    def _line(self, para: CreateClusterPara) -> str:
        return para.cluster.spec.features.hooks.get(self.key, "").strip()

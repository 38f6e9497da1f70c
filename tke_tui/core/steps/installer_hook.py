"""What the installer's hooks share: an executable of the bundle that runs once, on the installer host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.bundle import file_sha256
from tke_tui.core.context import Context
from tke_tui.core.errors import Evidence, Fatal
from tke_tui.core.local_process import run_local
from tke_tui.core.task import Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

OWN_VARIABLES = "TKE_TUI_"


class InstallerHook(Task):
    """Runs `hooks/<hook>` in the bundle's directory, without arguments and without a time limit.

    A hook that is not there is nothing to do. Nobody can see from outside whether a hook has done its work, so it
    counts as done when it once ended well; a changed hook is another input and runs again.
    """

    attempts: ClassVar[int] = 1
    skippable: ClassVar[bool] = True
    hook: ClassVar[str]

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        path = bundle.hook(self.hook)
        return file_sha256(path) if path.is_file() else ""

    async def check(self, ctx: Context) -> bool:
        return ctx.finished(self.name) or not ctx.bundle.hook(self.hook).is_file()

    async def run(self, ctx: Context) -> None:
        path = ctx.bundle.hook(self.hook).resolve()
        if not path.is_file():
            ctx.log(f"the bundle has no hook {self.hook}: nothing to do")
            return
        if not ctx.mutate(f"run the hook {path}"):
            return
        redact = ctx.secrets.redact
        fix = f"Correct {path} so that it can be run again, then continue with --resume, or skip this step."
        try:
            ended = await run_local(
                [str(path)],
                cwd=ctx.bundle.root.resolve(),
                env=self._environment(ctx),
                on_line=lambda stream, line: ctx.log(redact(line), stream=stream),
            )
        except OSError as error:
            raise Fatal(
                f"The hook {self.hook} cannot be started",
                detail=f"{path}: {error.strerror}",
                fix=f"Make it an executable file with a #! line (chmod +x {path}), then continue with --resume.",
            ) from None
        if ended.exit_code != 0:
            lines = tuple(redact(line) for line in ended.last_lines)
            raise Fatal(
                f"The hook {self.hook} failed",
                detail=lines[-1] if lines else "it printed nothing",
                fix=fix,
                evidence=Evidence(str(path), ended.exit_code, lines),
            )

    def _environment(self, ctx: Context) -> dict[str, str]:
        """Ours, without our own settings (they name files with secrets), and where the kubeconfig is."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
        return inherited | {"KUBECONFIG": str(ctx.directory.kubeconfig.resolve())}

"""EnsureCopyFiles: files of the installer host that a person wants on every machine."""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.bundle import file_sha256
from tke_tui.core.context import Context
from tke_tui.core.errors import UsageError
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureCopyFiles(Task):
    name: ClassVar[str] = "EnsureCopyFiles"
    title: ClassVar[str] = "Copy files to the machine"
    scope: ClassVar[Scope] = Scope.ALL

    def left_out(self, para: CreateClusterPara) -> str | None:
        return None if para.cluster.spec.features.files else "cluster.spec.features.files is empty"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [
            [target, file_sha256(source) if source.is_file() else None]
            for file in para.cluster.spec.features.files
            for source, target in _pairs(Path(file.src), file.dst)
        ]

    async def run(self, ctx: Context) -> None:
        pairs = [pair for f in ctx.para.cluster.spec.features.files for pair in _pairs(Path(f.src), f.dst)]
        for done, (source, target) in enumerate(pairs):
            if not source.is_file():
                raise UsageError(
                    f"{source} cannot be copied to the machines",
                    detail="it is neither a regular file nor a directory",
                    fix="Correct cluster.spec.features.files, then continue with --resume.",
                )
            mode = stat.S_IMODE(source.stat().st_mode) & 0o755 | 0o600
            await ctx.node.upload(source, target, sha256=file_sha256(source), mode=mode)
            ctx.progress(done + 1, len(pairs), "files copied")


def _pairs(source: Path, target: str) -> list[tuple[Path, str]]:
    """A file and its target; for a directory each file below it, sorted (known since TKEStack 1.4)."""
    if not source.is_dir():
        return [(source, target)]
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return [(path, posixpath.join(target, path.relative_to(source).as_posix())) for path in files]

"""One machine as steps and handlers see it: read freely, change only through the gate.

Every operation that may change the machine first compares, then asks the gate with a sentence that says what it is
about to do. The gate lets it pass (run), raises `WouldChange` (check) or only writes it down (plan), so the same code
serves the installation, the check "is it already so?" and the dry run.
"""

from __future__ import annotations

import hashlib
import posixpath
import shlex
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core.errors import CommandFailed, Evidence

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh import CommandResult, Connection
    from tke_tui.core.model.machine import Machine

BACKUP_ROOT = "/var/lib/tke-tui/backup"
EVIDENCE_LINES = 20

Gate = Callable[[str], bool]
"""Called with a sentence before each change: True = go on, False = leave it out (plan); may raise WouldChange."""


class Node:
    """Handle on one machine.

    Attributes: `machine` (its entry in the input), `name` (its address, also its Kubernetes node name).
    All methods raise `Unreachable` and its subclasses when the machine cannot be reached; commands that fail raise
    `CommandFailed` with the command and its last lines, unless called with `check=False`.
    """

    def __init__(
        self,
        machine: Machine,
        connect: Callable[[], Awaitable[Connection]],
        gate: Gate,
        on_line: Callable[[str, str], None],
    ) -> None:
        self.machine = machine
        self._connect = connect
        self._gate = gate
        self._on_line = on_line

    @property
    def name(self) -> str:
        return str(self.machine.ip)

    async def read(
        self,
        *argv: str,
        check: bool = True,
        input: bytes | None = None,  # noqa: A002 - the name subprocess gives it
        timeout: float = 60,
    ) -> CommandResult:
        """Run a command that changes nothing; its output is not logged."""
        connection = await self._connect()
        result = await connection.run(argv, input=input, timeout=timeout)
        if check and result.exit_code != 0:
            raise command_failed(self.name, result)
        return result

    async def ok(self, *argv: str, timeout: float = 60) -> bool:
        """True when a command that changes nothing ends with exit code 0."""
        return (await self.read(*argv, check=False, timeout=timeout)).exit_code == 0

    async def change(
        self,
        what: str,
        *argv: str,
        check: bool = True,
        input: bytes | None = None,  # noqa: A002
        timeout: float = 600,
        fix: str = "",
    ) -> CommandResult | None:
        """Run a command that changes the machine; each output line is logged. None when the gate left it out.

        `what` is a sentence for the person, e.g. `restart docker.service`; `fix` the remedy shown when it fails.
        """
        if not self._gate(what):
            return None
        connection = await self._connect()
        result = await connection.run(argv, input=input, timeout=timeout, on_line=self._on_line)
        if check and result.exit_code != 0:
            raise command_failed(self.name, result, what=what, fix=fix)
        return result

    async def read_file(self, path: str) -> bytes | None:
        """Content of a file, None when it does not exist."""
        return await (await self._connect()).read_file(path)

    async def read_text(self, path: str) -> str | None:
        """As `read_file`, decoded as UTF-8 (bytes that are not are kept as surrogates)."""
        data = await self.read_file(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    async def exists(self, path: str) -> bool:
        """True when the path exists, whatever it is (a dangling link does not)."""
        return await self.ok("test", "-e", path)

    async def write_file(self, path: str, content: str | bytes, *, mode: int = 0o644, what: str = "") -> bool:
        """Make a file hold exactly this content and mode (owner root); True when something had to change.

        Content is compared by SHA-256 on the machine's own copy, so files with secrets never pass through a command.
        """
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        stat = await self.read("stat", "-L", "-c", "%a %u %g", path, check=False)
        if stat.exit_code == 0 and stat.stdout.split() == [f"{mode:o}", "0", "0"]:
            current = await self.read_file(path)
            if current is not None and hashlib.sha256(current).digest() == hashlib.sha256(data).digest():
                return False
        if self._gate(what or f"write {path}"):
            await self.make_directory(posixpath.dirname(path))
            await (await self._connect()).write_file(path, data, mode=mode)
        return True

    async def edit_file(
        self, path: str, edit: Callable[[str], str], *, mode: int = 0o644, what: str = ""
    ) -> bool:
        """Rewrite a text file by a pure function of its content ("" when absent); True when it changed.

        The file as it was before our first edit is kept below /var/lib/tke-tui/backup for `undo`.
        """
        before = await self.read_text(path)
        after = edit(before or "")
        if before is not None and after == before:
            return False
        if self._gate(what or f"edit {path}"):
            if before is not None:
                await self._keep_backup(path)
            connection = await self._connect()
            await connection.write_file(path, after.encode("utf-8", "surrogateescape"), mode=mode)
        return True

    async def _keep_backup(self, path: str) -> None:
        copy = f"{BACKUP_ROOT}{path}"
        if await self.exists(copy):
            return
        await self.make_directory(posixpath.dirname(copy), mode=0o700)
        connection = await self._connect()
        result = await connection.run(("cp", "-p", "--", path, copy))
        if result.exit_code != 0:
            raise command_failed(self.name, result, what=f"keep a copy of {path}")

    async def make_directory(self, path: str, *, mode: int = 0o755) -> bool:
        """Create a directory and its parents; an existing one is left as it is. True when it was created."""
        if not path or path == "/" or await self.ok("test", "-d", path):
            return False
        if self._gate(f"create directory {path}"):
            connection = await self._connect()
            result = await connection.run(("mkdir", "-p", "-m", f"{mode:o}", "--", path))
            if result.exit_code != 0:
                raise command_failed(self.name, result, what=f"create directory {path}")
        return True

    async def remove(self, path: str, *, recursive: bool = False) -> bool:
        """Remove a file (or, when `recursive`, a tree); True when there was one."""
        if not await self.ok("test", "-e", path) and not await self.ok("test", "-L", path):
            return False
        if self._gate(f"remove {path}"):
            flags = "-rf" if recursive else "-f"
            result = await (await self._connect()).run(("rm", flags, "--one-file-system", "--", path))
            if result.exit_code != 0:
                raise command_failed(self.name, result, what=f"remove {path}")
        return True

    async def link(self, path: str, target: str) -> bool:
        """Make `path` a symbolic link to `target`; True when it had to change."""
        current = await self.read("readlink", path, check=False)
        if current.exit_code == 0 and current.stdout.strip() == target:
            return False
        if self._gate(f"link {path} -> {target}"):
            result = await (await self._connect()).run(("ln", "-sfn", "--", target, path))
            if result.exit_code != 0:
                raise command_failed(self.name, result, what=f"link {path}")
        return True

    async def upload(
        self,
        local: Path,
        remote: str,
        *,
        sha256: str,
        mode: int = 0o644,
        progress: Callable[[int, int], None] | None = None,
    ) -> bool:
        """Make `remote` the file `local`; nothing is sent when the checksum already matches. True when sent."""
        present = await self.read("sha256sum", "--", remote, check=False, timeout=300)
        if present.exit_code == 0 and present.stdout.split(maxsplit=1)[0].lstrip("\\") == sha256:
            return False
        if self._gate(f"upload {local.name} to {remote}"):
            await self.make_directory(posixpath.dirname(remote))
            connection = await self._connect()
            await connection.upload(local, remote, sha256=sha256, mode=mode, progress=progress)
        return True


def command_failed(node: str, result: CommandResult, *, what: str = "", fix: str = "") -> CommandFailed:
    """The error for a command that ended with a non-zero exit code, its last output lines as evidence."""
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    argv: Sequence[str] = result.argv
    return CommandFailed(
        f"{node}: {what} failed" if what else f"{node}: {posixpath.basename(argv[0])} failed",
        detail=lines[-1].strip() if lines else "the command printed nothing",
        fix=fix or "Look at the output above; correct the cause on the machine, then continue with --resume.",
        evidence=Evidence(shlex.join(argv), result.exit_code, tuple(lines[-EVIDENCE_LINES:])),
    )

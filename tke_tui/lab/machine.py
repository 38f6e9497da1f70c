"""A model of a machine: a directory stands for its root file system, Python functions for its commands.

Every module of `lab/commands/` has a dictionary `COMMANDS`: command name -> `Command`. Several may have a word about
one command: they are asked in the order of `TABLES`, and one that returns None passes it on. A command nobody knows
ends with 127, like in a shell.
"""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections import Counter
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tke_tui.core.adapters.ssh import CommandResult, OnLine, OnProgress
from tke_tui.core.errors import CommandFailed, ConnectionBroken
from tke_tui.lab.tree import inside


@dataclass(frozen=True, slots=True)
class Reply:
    """How a model command ends."""

    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""


ANSWERS = frozenset({"cat", "grep", "kubectl", "readlink", "sha256sum", "stat", "test"})
"""Commands whose exit code 1 is an answer and no failure: the fault "fail" leaves them alone."""

Command = Callable[["ModelMachine", Sequence[str], bytes], "Reply | None"]
"""command(machine, argv without the command's name, stdin)."""


@dataclass
class ModelMachine:
    """One machine. `root` is a real, empty directory.

    `operations` counts what was asked of it. At operation number `fault_at` (from 1) `fault` happens: "cancel" the
    caller is cancelled, "break" the connection is lost, "fail" the command ends with exit code 1; `fault_after` lets
    the operation take effect before. `facts` is free space for the model commands of each area; the file
    transfer itself knows `immutable` and `unwritable`, lists of paths; `broken_commands` end with exit code 1.
    """

    root: Path
    address: str = "10.0.0.1"
    facts: dict[str, Any] = field(default_factory=dict)
    log: MutableSequence[tuple[str, ...]] = field(default_factory=list)
    operations: int = 0
    fault_at: int = 0
    fault: str = "cancel"
    fault_after: bool = False
    modes: dict[str, int] = field(default_factory=dict)
    uploads: Counter[str] = field(default_factory=Counter)

    def path(self, absolute: str) -> Path:
        """Where a path of the machine is on this host; symbolic links of the machine are followed."""
        return inside(self.root, absolute)

    def entry(self, absolute: str) -> Path:
        """As `path`, but the last part is not followed when it is a link."""
        return inside(self.root, absolute, follow=False)

    def put(self, absolute: str, content: str | bytes, *, mode: int = 0o644) -> None:
        path = self.path(absolute)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)

    def text(self, absolute: str) -> str:
        return self.path(absolute).read_text()

    def tree(self) -> dict[str, tuple[str, int, str]]:
        """Everything on the machine: path -> (kind, mode, content hash or link target); for comparing two machines."""
        found: dict[str, tuple[str, int, str]] = {}
        for path in sorted(self.root.rglob("*")):
            name = "/" + path.relative_to(self.root).as_posix()
            if path.is_symlink():
                found[name] = ("link", 0, str(path.readlink()))
            elif path.is_dir():
                found[name] = ("directory", stat.S_IMODE(path.stat().st_mode), "")
            else:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[name] = ("file", stat.S_IMODE(path.stat().st_mode), digest)
        return found

    def ran(self, *words: str) -> int:
        """How often a command beginning with these words was run."""
        return sum(1 for argv in self.log if argv[: len(words)] == words)

    def execute(self, argv: Sequence[str], stdin: bytes = b"") -> Reply:
        """Run one command; 127 when the model does not know it."""
        self.log.append(tuple(argv))
        if argv[0] in self.facts.get("broken_commands", ()):
            return Reply(1, "", f"{argv[0]}: something is wrong\n")
        for command in _commands().get(Path(argv[0]).name, ()):
            reply = command(self, argv[1:], stdin)
            if reply is not None:
                return reply
        return Reply(127, "", f"{argv[0]}: command not found\n")

    def connection(self) -> ModelConnection:
        return ModelConnection(self)

    def count(self) -> bool:
        """Count one operation; True when it is the one with the fault."""
        self.operations += 1
        return self.operations == self.fault_at


class ModelConnection:
    """The `Connection` of the SSH adapter, leading straight into a model machine."""

    def __init__(self, machine: ModelMachine) -> None:
        self._machine = machine

    async def _operate(self, argv: Sequence[str], effect: Callable[[], Reply]) -> CommandResult:
        machine = self._machine
        faulty = machine.count() and not (machine.fault == "fail" and argv[0] in ANSWERS)
        if faulty and machine.fault_after:
            effect()
        if faulty and machine.fault == "cancel":
            raise asyncio.CancelledError
        if faulty and machine.fault == "break":
            raise ConnectionBroken(f"{machine.address}: the connection is lost")
        reply = Reply(1, "", "model: this operation was told to fail\n") if faulty else effect()
        return CommandResult(tuple(argv), reply.exit_code, reply.stdout, reply.stderr, 0.0)

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002
        timeout: float | None = 300,
        sudo: bool = True,
        on_line: OnLine | None = None,
    ) -> CommandResult:
        result = await self._operate(argv, lambda: self._machine.execute(argv, input or b""))
        if on_line is not None:
            for stream, text in (("stdout", result.stdout), ("stderr", result.stderr)):
                for line in text.splitlines():
                    on_line(stream, line)
        return result

    async def read_file(self, path: str, *, max_bytes: int = 4 << 20) -> bytes | None:
        await self._transfer("read", path, Reply)
        where = self._machine.path(path)
        return where.read_bytes() if where.is_file() else None

    async def write_file(
        self, path: str, content: bytes, *, mode: int = 0o644, owner: str = "root", group: str = "root"
    ) -> None:
        protected = (*self._machine.facts.get("immutable", ()), *self._machine.facts.get("unwritable", ()))
        if path in protected:
            raise CommandFailed(f"{self._machine.address}: {path} cannot be written", detail="not permitted")

        def effect() -> Reply:
            where = self._machine.path(path)
            if not where.parent.is_dir():
                return Reply(1, "", f"{path}: no such directory")
            where.write_bytes(content)
            where.chmod(mode)
            return Reply()

        await self._transfer("write", path, effect)

    async def upload(
        self,
        local: Path,
        remote: str,
        *,
        sha256: str,
        mode: int = 0o644,
        progress: OnProgress | None = None,
    ) -> bool:
        data = local.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise AssertionError(f"{local} is not what its checksum says")

        def effect() -> Reply:
            self._machine.uploads[remote] += 1
            self._machine.put(remote, data, mode=mode)
            return Reply()

        await self._transfer("upload", remote, effect)
        if progress is not None:
            progress(len(data), len(data))
        return True

    async def _transfer(self, verb: str, path: str, effect: Callable[[], Reply]) -> None:
        result = await self._operate((verb, path), effect)
        if result.exit_code != 0:
            raise ConnectionBroken(
                f"{self._machine.address}: {verb} {path} failed", detail=result.stderr.strip()
            )

    async def close(self) -> None:
        return None


@cache
def _commands() -> dict[str, list[Command]]:
    # Imported late: the commands are written in terms of this module.
    from tke_tui.lab.commands import TABLES

    table: dict[str, list[Command]] = {}
    for commands in TABLES:
        for name, command in commands.items():
            table.setdefault(name, []).append(command)
    return table

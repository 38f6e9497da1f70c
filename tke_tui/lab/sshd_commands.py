"""How the in-process SSH server understands what the adapter sends, and runs file tools inside its tree."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from tke_tui.core.adapters import ssh_command, ssh_scripts

FILE_TOOLS = frozenset(
    {
        "cat", "chmod", "cp", "head", "ln", "ls", "md5sum", "mkdir", "mv", "readlink", "rm", "rmdir", "sha256sum",
        "stat", "test", "touch",
    }
)  # fmt: skip
"""Commands that are run really, their absolute paths meant inside the machine's tree."""

_WORD = re.compile(r"""(?:[^\s'"]+|'[^']*'|"'")+""")
_PIECE = re.compile(r"""'([^']*)'|"(')"|([^\s'"]+)""")

_SUPERVISORS = (ssh_command.SUPERVISE, ssh_command.SUPERVISE_AFTER_PASSWORD)


@dataclass(frozen=True)
class Served:
    """A command without supervisor and sudo; `plain` is the line that is left when only sudo is taken off."""

    argv: tuple[str, ...]
    job: str
    sudo: bool
    asks_password: bool
    after_password: bool
    plain: str

    @property
    def mark(self) -> bytes:
        """The line that tells the adapter where the command's own output begins."""
        return f"{self.job} 4242\n".encode()


def split(line: str) -> tuple[str, ...]:
    """The words of a line that `shlex.join` made; `shlex.split` takes ten times as long, once per command."""
    return tuple("".join(map("".join, _PIECE.findall(word))) for word in _WORD.findall(line))


def unwrap(line: str) -> Served | None:
    """Take off what `ssh_command.supervised` put around a command; None when it is something else."""
    words = split(line)
    sudo = asks = False
    for prefix, password in ((ssh_command.SUDO, False), (ssh_command.SUDO_PASSWORD, True)):
        if words[: len(prefix)] == prefix:
            words, sudo, asks = words[len(prefix) :], True, password
    if words[:2] != ssh_command.SHELL or len(words) < 7 or words[2] not in _SUPERVISORS:
        return None
    after = words[2] == ssh_command.SUPERVISE_AFTER_PASSWORD
    plain = (*words[:2], ssh_command.SUPERVISE, *words[3:])
    return Served(words[6:], words[4], sudo, asks, after, shlex.join(plain))


def is_adapters_own(argv: tuple[str, ...]) -> bool:
    """True for the scripts behind file transfer."""
    return argv[:2] == ssh_command.SHELL and argv[2:3] in (
        (ssh_scripts.STAGE,),
        (ssh_scripts.COMMIT,),
        (ssh_scripts.READ,),
    )


async def run_in_tree(
    root: Path, argv: tuple[str, ...], stdin: bytes, owners: dict[str, str]
) -> tuple[int, bytes, bytes]:
    """Run a file tool or one of the adapter's own scripts inside the tree.

    `owners` receives the owner each transferred file was to get (tests need not be root).
    """
    words = argv
    if argv[:3] == ("sh", "-c", ssh_scripts.STAGE):
        words = ("sh", "-c", ssh_scripts.STAGE.replace("/var/tmp/", '"$0"/var/tmp/'), str(root))
    elif argv[:3] == ("sh", "-c", ssh_scripts.COMMIT):
        owners[argv[5].removeprefix(str(root))] = f"{argv[7]}:{argv[8]}"
        own_files = f'chown() {{ command chown -- {os.geteuid()}:{os.getegid()} "$3"; }}'
        words = (*argv[:2], f"{own_files}; restorecon() {{ :; }}; {argv[2]}", *argv[3:])
    first = 3 if argv[0] == "sh" else 1
    inside = [*words[:first], *(_map(root, word) for word in words[first:])]
    process = await asyncio.create_subprocess_exec(
        *inside,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
    )
    out, err = await process.communicate(stdin)
    if argv[0] == "stat" and os.geteuid() != 0:
        own = {str(os.geteuid()), str(os.getegid())}
        out = " ".join("0" if word in own else word for word in out.decode().split(" ")).encode()
    prefix = str(root).encode()
    is_content = argv[0] in ("cat", "head") or argv[:3] == ("sh", "-c", ssh_scripts.READ)
    code = process.returncode if process.returncode is not None else 1
    return (
        code,
        out if is_content else out.replace(prefix, b""),
        err.replace(prefix, b""),
    )


def _map(root: Path, word: str) -> str:
    return f"{root}{word}" if word.startswith("/") and not word.startswith(str(root)) else word


async def run_locally(line: str, process: asyncssh.SSHServerProcess[bytes], root: Path) -> int:
    """Run a whole line in the local shell, streams connected as they come."""
    local = await asyncio.create_subprocess_exec(
        "sh", "-c", line,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, cwd=root,
    )  # fmt: skip
    assert local.stdin is not None
    assert local.stdout is not None
    assert local.stderr is not None
    feeding = asyncio.create_task(_pump(process.stdin, local.stdin))
    await asyncio.gather(_pump(local.stdout, process.stdout), _pump(local.stderr, process.stderr))
    code = await local.wait()
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    return code if code >= 0 else 128 - code


async def _pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError):
        while block := await source.read(1 << 16):
            sink.write(block)
            await sink.drain()
        if isinstance(sink, asyncio.StreamWriter):
            sink.close()

"""Remote execution and file transfer over SSH: kept connections, one per machine.

The work is in the `ssh_*` modules beside this one; everything callers need is importable from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncssh

from tke_tui.core.adapters.ssh_auth import Target, resolve
from tke_tui.core.adapters.ssh_channels import ChannelBudget, Channels, within
from tke_tui.core.adapters.ssh_connect import Opener
from tke_tui.core.adapters.ssh_hostkeys import HostKeys
from tke_tui.core.adapters.ssh_output import decode
from tke_tui.core.adapters.ssh_process import Runner
from tke_tui.core.adapters.ssh_sftp import Sftp
from tke_tui.core.adapters.ssh_transfer import Transfer
from tke_tui.core.adapters.ssh_types import (
    AskHostKey,
    CommandResult,
    Connection,
    HostKeyPolicy,
    HostKeyQuestion,
    Login,
    OnLine,
    OnProgress,
    SshSettings,
)
from tke_tui.core.errors import ConnectionBroken

__all__ = [
    "AskHostKey",
    "CommandResult",
    "Connection",
    "HostKeyPolicy",
    "HostKeyQuestion",
    "Login",
    "OnLine",
    "OnProgress",
    "SshConnection",
    "SshPool",
    "SshSettings",
]

_CLOSE_WAIT = 5.0


class SshConnection:
    """One open connection, see `Connection` for what its methods promise."""

    def __init__(
        self,
        raw: asyncssh.SSHClientConnection,
        target: Target,
        settings: SshSettings,
        redact: Callable[[str], str],
        uploads: asyncio.Semaphore,
    ) -> None:
        login = target.resolved
        self.raw = raw
        self.login = login
        self._settings = settings
        budget = ChannelBudget(settings.channels_per_connection, lambda: self._sftp.close_idle())
        channels = Channels(raw, login, budget)
        self._sftp = Sftp(channels, settings.connect_timeout)
        self._runner = Runner(channels, login, redact)
        self._transfer = Transfer(self._runner, self._sftp, login, redact, uploads)

    @property
    def is_open(self) -> bool:
        return not self.raw.is_closed()

    @property
    def unfinished(self) -> set[str]:
        """Jobs that were running when the connection broke."""
        return set(self._runner.unfinished)

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002 - the name subprocess gives it
        timeout: float | None = 300,
        sudo: bool = True,
        on_line: OnLine | None = None,
    ) -> CommandResult:
        result = await self._runner.execute(argv, input=input, timeout=timeout, sudo=sudo, on_line=on_line)
        return CommandResult(
            tuple(argv), result.exit_code, decode(result.stdout), decode(result.stderr), result.seconds
        )

    async def read_file(self, path: str, *, max_bytes: int = 4 << 20) -> bytes | None:
        return await self._transfer.read(path, max_bytes)

    async def write_file(
        self, path: str, content: bytes, *, mode: int = 0o644, owner: str = "root", group: str = "root"
    ) -> None:
        await self._transfer.write(path, content, mode=mode, owner=owner, group=group)

    async def upload(
        self,
        local: Path,
        remote: str,
        *,
        sha256: str,
        mode: int = 0o644,
        progress: OnProgress | None = None,
    ) -> bool:
        return await self._transfer.upload(local, remote, sha256=sha256, mode=mode, progress=progress)

    async def end_leftovers(self, jobs: set[str]) -> None:
        """End what an earlier connection to this machine left running."""
        await self._runner.end_leftovers(jobs)

    async def close(self) -> None:
        if self.is_open and self._runner.unfinished:
            await self._runner.end_leftovers(self.unfinished)
        self.raw.close()
        await within(_CLOSE_WAIT, self.raw.wait_closed())


class _Entry:
    """What the pool knows of one login."""

    def __init__(self) -> None:
        self.connection: SshConnection | None = None
        self.opening: asyncio.Task[SshConnection] | None = None
        self.waiters = 0
        self.leftovers: set[str] = set()


class SshPool:
    """Keeps one connection per login and bounds how many are being opened.

    `redact` takes secrets out of everything that leaves the pool as log line or error.
    """

    def __init__(self, settings: SshSettings, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._redact = redact
        self._opener = Opener(settings, HostKeys(settings))
        self._entries: dict[Login, _Entry] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._total = asyncio.Semaphore(settings.logins_total)
        self._uploads = asyncio.Semaphore(settings.uploads_at_once)

    async def get(self, machine: Login) -> SshConnection:
        """The open connection to a machine, opened (once, however many ask) or opened again when it broke.

        What a broken connection left running on the machine is ended before the new one is handed out.
        Raises `Unreachable`, `AuthenticationFailed`, `HostKeyRejected`.
        """
        entry = self._entries.setdefault(machine, _Entry())
        if entry.connection is not None:
            if entry.connection.is_open:
                return entry.connection
            entry.leftovers |= entry.connection.unfinished
            entry.connection = None
        if entry.opening is None:
            entry.opening = asyncio.create_task(self._open(machine, entry))
        opening = entry.opening
        entry.waiters += 1
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            if not opening.cancelled():
                if entry.waiters == 1:
                    opening.cancel()
                    entry.opening = None
                raise
            raise ConnectionBroken(
                f"connecting to {machine.label} was given up", fix="The connections were closed; start again."
            ) from None
        finally:
            entry.waiters -= 1
            if entry.opening is opening and opening.done():
                entry.opening = None

    async def forget(self, machine: Login) -> None:
        """Close the connection to a machine, if any; the next `get` opens a new one."""
        entry = self._entries.pop(machine, None)
        if entry is not None:
            await self._drop(entry)

    async def close(self) -> None:
        """Close everything, machines before the bastions they are reached through."""
        entries = sorted(self._entries.items(), key=lambda item: -_depth(item[0]))
        self._entries.clear()
        for depth in sorted({_depth(login) for login, _ in entries}, reverse=True):
            level = [self._drop(entry) for login, entry in entries if _depth(login) == depth]
            await asyncio.gather(*level, return_exceptions=True)

    async def _drop(self, entry: _Entry) -> None:
        if entry.opening is not None:
            entry.opening.cancel()
            await asyncio.gather(entry.opening, return_exceptions=True)
        if entry.connection is not None:
            await entry.connection.close()

    async def _open(self, login: Login, entry: _Entry) -> SshConnection:
        target = resolve(login, self._settings)
        bastion = target.login.bastion
        tunnel = None if bastion is None else (await self.get(bastion)).raw
        raw = await self._opener.open(target, tunnel, lambda: self._slot(target))
        connection = SshConnection(raw, target, self._settings, self._redact, self._uploads)
        try:
            if entry.leftovers:
                await connection.end_leftovers(entry.leftovers)
                entry.leftovers.clear()
        except BaseException:
            raw.close()
            raise
        entry.connection = connection
        return connection

    @asynccontextmanager
    async def _slot(self, target: Target) -> AsyncIterator[None]:
        bastion = target.login.bastion
        names = [f"{target.host} via {bastion.host}", f"via {bastion.host}"] if bastion else [target.host]
        async with AsyncExitStack() as stack:
            for name in names:
                limit = self._settings.logins_per_target
                await stack.enter_async_context(self._slots.setdefault(name, asyncio.Semaphore(limit)))
            # Last, so that logins waiting for one slow address do not use up the slots of all others.
            await stack.enter_async_context(self._total)
            yield


def _depth(login: Login) -> int:
    return 0 if login.bastion is None else 1 + _depth(login.bastion)

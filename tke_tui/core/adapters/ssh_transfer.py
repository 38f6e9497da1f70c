"""Files to and from one machine: atomic replacement, checked uploads."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import posixpath
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tke_tui.core.adapters import ssh_errors, ssh_scripts
from tke_tui.core.adapters.ssh_channels import uninterrupted, within
from tke_tui.core.adapters.ssh_output import decode
from tke_tui.core.adapters.ssh_process import Input, RawResult, Runner
from tke_tui.core.adapters.ssh_sftp import Sftp, SftpUnavailable
from tke_tui.core.adapters.ssh_types import Login, OnProgress
from tke_tui.core.errors import CommandFailed, Evidence, TkeError

BLOCK = 256 << 10
COMMIT_TIMEOUT = 900.0
"""Seconds for copying, checking and syncing a large file on a slow disk."""
_CLEAN_UP = 10.0


@dataclass(frozen=True, slots=True)
class _Placement:
    """What a transferred file is to become."""

    target: str
    mode: int
    owner: str = "root"
    group: str = "root"
    sha256: str = ""


class Transfer:
    """File operations over one connection's runner and SFTP session."""

    def __init__(
        self,
        runner: Runner,
        sftp: Sftp,
        login: Login,
        redact: Callable[[str], str],
        uploads: asyncio.Semaphore,
    ) -> None:
        self._runner = runner
        self._sftp = sftp
        self._login = login
        self._redact = redact
        self._uploads = uploads

    async def read(self, path: str, max_bytes: int) -> bytes | None:
        """See `Connection.read_file`."""
        argv = ssh_scripts.read(path, max_bytes + 1)
        result = await self._runner.execute(argv, timeout=60, keep=max_bytes + 2)
        if result.exit_code == ssh_scripts.ABSENT:
            return None
        if result.exit_code != 0:
            raise self._failed(f"read {path}", result)
        if len(result.stdout) > max_bytes:
            raise CommandFailed(
                f"{self._login.host}: {path} is larger than {max_bytes} bytes",
                detail="a configuration file of this size is not expected",
                fix=f"Look at {path} on the machine.",
            )
        return result.stdout

    async def write(self, path: str, content: bytes, *, mode: int, owner: str, group: str) -> None:
        """See `Connection.write_file`."""
        place = _Placement(path, mode, owner, group)

        async def send(client: asyncssh.SFTPClient, remote: str) -> bool:
            private = asyncssh.SFTPAttrs(permissions=0o600)
            async with client.open(remote, "wb", private) as file:
                await file.write(content)
                return await _fsync(file)

        try:
            await self._through_sftp(place, send)
        except SftpUnavailable:
            await self._through_stdin(place, content)

    async def upload(
        self, local: Path, remote: str, *, sha256: str, mode: int, progress: OnProgress | None
    ) -> bool:
        """See `Connection.upload`."""
        report = progress or (lambda done, total: None)
        size = await asyncio.to_thread(_size, local)
        present = await self._runner.execute(("sha256sum", "--", remote), timeout=COMMIT_TIMEOUT)
        if present.exit_code == 0 and decode(present.stdout).lstrip("\\").split(" ", 1)[0] == sha256:
            return False
        place = _Placement(remote, mode, sha256=sha256)

        async def send(client: asyncssh.SFTPClient, temp: str) -> bool:
            await client.put(
                str(local), temp, progress_handler=lambda _src, _dst, done, all_: report(done, all_)
            )
            async with client.open(temp, "r+b") as file:
                return await _fsync(file)

        async with self._uploads:
            try:
                await self._through_sftp(place, send, local)
            except SftpUnavailable:
                await self._through_stdin(place, _blocks(local, size, report), local)
        return True

    async def _through_sftp(
        self,
        place: _Placement,
        send: Callable[[asyncssh.SFTPClient, str], Awaitable[bool]],
        local: Path | None = None,
    ) -> None:
        temp = _temporary(place.target)
        if self._login.is_root:
            try:
                synced = await self._send(place, send, temp, make_directory=True)
                await self._commit(place, temp, synced=synced, local=local)
            except SftpUnavailable:
                raise
            except BaseException:
                await uninterrupted(self._clean(("rm", "-f", "--", temp), sudo=True))
                raise
            return
        directory: str | None = None
        try:
            async with self._sftp.client():
                pass  # only to learn whether there is SFTP, before a directory is made for it
            directory = await self._stage()
            staged = posixpath.join(directory, "file")
            await self._send(place, send, staged, make_directory=False)
            await self._commit(place, temp, source=staged, synced=True, local=local)
        finally:
            if directory is not None:
                await uninterrupted(self._clean(("rm", "-rf", "--", directory), sudo=False))

    async def _send(
        self,
        place: _Placement,
        send: Callable[[asyncssh.SFTPClient, str], Awaitable[bool]],
        remote: str,
        *,
        make_directory: bool,
    ) -> bool:
        try:
            async with self._sftp.client() as client:
                try:
                    return await send(client, remote)
                except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                    if not make_directory:
                        raise
                await client.makedirs(posixpath.dirname(remote), exist_ok=True)
                return await send(client, remote)
        except asyncssh.SFTPConnectionLost as error:
            raise ssh_errors.broken(self._login, f"writing {place.target}", error) from error
        except asyncssh.SFTPError as error:
            raise CommandFailed(
                f"{self._login.host}: cannot write {place.target}",
                detail=f"the SFTP server says: {error.reason or type(error).__name__}",
                fix=f"Check free space and rights on the machine: df -h {posixpath.dirname(remote)}",
            ) from error

    async def _through_stdin(self, place: _Placement, content: Input, local: Path | None = None) -> None:
        await self._commit(
            place, _temporary(place.target), content=content, source="-", synced=True, local=local
        )

    async def _stage(self) -> str:
        result = await self._runner.execute(ssh_scripts.stage(), timeout=60, sudo=False)
        if result.exit_code != 0:
            raise self._failed("make a private directory in /var/tmp", result)
        return decode(result.stdout).strip()

    async def _commit(
        self,
        place: _Placement,
        temp: str,
        *,
        synced: bool,
        content: Input | None = None,
        source: str = "",
        local: Path | None = None,
    ) -> None:
        argv = ssh_scripts.commit(
            temp,
            place.target,
            mode=place.mode,
            owner=place.owner,
            group=place.group,
            sha256=place.sha256,
            source=source,
            synced=synced,
        )
        result = await self._runner.execute(argv, input=content, timeout=COMMIT_TIMEOUT)
        if result.exit_code == ssh_scripts.WRONG_CHECKSUM:
            raise await self._wrong_checksum(place, local, decode(result.stderr).strip())
        if result.exit_code != 0:
            raise self._failed(f"write {place.target}", result)

    async def _wrong_checksum(self, place: _Placement, local: Path | None, arrived: str) -> CommandFailed:
        here = await asyncio.to_thread(_sha256, local) if local is not None else place.sha256
        if here != place.sha256:
            return CommandFailed(
                f"{local} is not the file it should be",
                detail=f"expected SHA-256 {place.sha256}\nthe local file has {here}",
                fix="The file changed or is damaged: verify the bundle, then upload again.",
            )
        return CommandFailed(
            f"{self._login.host}: {place.target} arrived damaged and was not put in place",
            detail=f"expected SHA-256 {place.sha256}\narrived          {arrived}",
            fix="Check the machine's disk and memory (dmesg), then try again.",
        )

    async def _clean(self, argv: tuple[str, ...], *, sudo: bool) -> None:
        with contextlib.suppress(TkeError):
            await within(_CLEAN_UP, self._runner.execute(argv, timeout=None, sudo=sudo))

    def _failed(self, what: str, result: RawResult) -> CommandFailed:
        lines = self._redact(decode(result.stderr)).strip().splitlines()
        return CommandFailed(
            f"{self._login.host}: cannot {what}",
            detail=lines[-1] if lines else f"exit code {result.exit_code}",
            fix="Check free space (df -h), rights and whether the file system is read-only on the machine.",
            evidence=Evidence(exit_code=result.exit_code, output=tuple(lines[-10:])),
        )


async def _fsync(file: asyncssh.SFTPClientFile) -> bool:
    """Put a file on disk if the server can (fsync@openssh.com); False when it cannot."""
    try:
        await file.fsync()
    except asyncssh.SFTPOpUnsupported:
        return False
    return True


def _temporary(target: str) -> str:
    """A new name in the directory of `target`, so that the final rename is atomic."""
    directory, name = posixpath.split(target)
    return posixpath.join(directory, f".{name[:100]}.{secrets.token_hex(4)}.tke-tui")


async def _blocks(local: Path, size: int, report: OnProgress) -> AsyncIterator[bytes]:
    done = 0
    with await asyncio.to_thread(local.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
            done += len(block)
            report(done, size)


def _size(local: Path) -> int:
    try:
        return local.stat().st_size
    except OSError as error:
        raise CommandFailed(
            f"cannot read {local}",
            detail=error.strerror or str(error),
            fix="The file belongs to the bundle: verify the bundle, then upload again.",
        ) from error


def _sha256(local: Path) -> str:
    with local.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

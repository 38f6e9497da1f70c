"""Runs commands over one open connection and makes sure that none outlives its caller's interest."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import asyncssh

from tke_tui.core.adapters import ssh_errors
from tke_tui.core.adapters.ssh_channels import (
    REFUSED_ATTEMPTS,
    REFUSED_PAUSE,
    Channels,
    uninterrupted,
    within,
)
from tke_tui.core.adapters.ssh_command import Privilege, end_job, quote, sudo_probe, supervised
from tke_tui.core.adapters.ssh_output import KEEP, CommandSession, decode
from tke_tui.core.adapters.ssh_sudo import Sudo
from tke_tui.core.adapters.ssh_types import Login, OnLine
from tke_tui.core.errors import AuthenticationFailed, CommandFailed, CommandTimeout, Evidence

Channel = asyncssh.SSHClientChannel[bytes]
Input = bytes | AsyncIterator[bytes]

START_WAIT = 10.0
"""Seconds a command that is to be ended gets to say which process group it is."""
END_WAIT = 20.0
"""Seconds the remote killing may take; it gives up by itself after 10."""
CLOSE_WAIT = 5.0
SUDO_WAIT = 30.0
CONTROL_CHANNELS = 2


@dataclass(frozen=True, slots=True)
class RawResult:
    """How a command ended, in bytes; `truncated` when stdout was longer than was to be kept."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    truncated: bool


class Runner:
    """Commands on one connection. `unfinished` holds the jobs whose end nobody has seen."""

    def __init__(self, channels: Channels, login: Login, redact: Callable[[str], str]) -> None:
        self._channels = channels
        self._connection = channels.connection
        self._login = login
        self._redact = redact
        self._sudo = Sudo(login, redact, self._probe_sudo)
        self._control = asyncio.Semaphore(CONTROL_CHANNELS)
        self.unfinished: set[str] = set()

    async def execute(
        self,
        argv: Sequence[str],
        *,
        input: Input | None = None,  # noqa: A002 - as in the public interface
        timeout: float | None,
        sudo: bool = True,
        on_line: OnLine | None = None,
        keep: int = KEEP,
    ) -> RawResult:
        """Run a command to its end; see `Connection.run` for the rules. `keep` bounds stdout and stderr."""
        privilege = await self._sudo.privilege() if sudo else Privilege.NONE
        job = secrets.token_hex(8)
        line = supervised(argv, job, privilege)
        session = CommandSession(job, keep=keep, on_line=self._redacting(on_line))
        preface = self._sudo.preface(privilege, job)

        async def opened_too_late(channel: Channel) -> None:
            await _feed(channel, session, preface, None)
            await self._stop(channel, session, job, privilege)
            channel.close()

        async with self._channels.session(lambda: self._open(session, line), opened_too_late) as channel:
            begin = time.monotonic()
            self.unfinished.add(job)
            feeding = asyncio.create_task(_feed(channel, session, preface, input))
            try:
                async with asyncio.timeout(timeout):
                    await session.ended.wait()
            except TimeoutError:
                stopped = await uninterrupted(self._stop(channel, session, job, privilege))
                raise self._timed_out(argv, session, timeout or 0, stopped) from None
            except asyncio.CancelledError:
                await uninterrupted(self._stop(channel, session, job, privilege))
                raise
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
                if session.exit_code is not None:
                    self.unfinished.discard(job)
        if session.callback_error is not None:
            raise session.callback_error
        if session.exit_code is None:
            raise ssh_errors.broken(self._login, f"running {argv[0]}", session.error)
        if session.group is None:
            raise self._not_started(argv, session, privilege)
        out = session.stdout.content
        seconds = time.monotonic() - begin
        return RawResult(
            session.exit_code, out.value(), session.stderr.content.value(), seconds, out.truncated
        )

    async def end_leftovers(self, jobs: set[str]) -> None:
        """End what an earlier, broken connection left running; what is gone already is left alone."""
        privilege = await self._sudo.privilege()
        for job in sorted(jobs):
            await self._control_run(end_job(job, 0), privilege)

    async def _open(self, session: CommandSession, line: str) -> Channel:
        channel, _ = await self._connection.create_session(
            lambda: session, line, encoding=None, request_pty=False
        )
        return channel

    # -- ending

    async def _stop(self, channel: Channel, session: CommandSession, job: str, privilege: Privilege) -> bool:
        """End a running command and wait for its end; False when it could not be ended."""
        with contextlib.suppress(OSError):
            channel.write_eof()
        await within(START_WAIT, session.started.wait())
        if session.ended.is_set():
            return session.exit_code is not None
        argv = end_job(job, session.group or 0)
        stopped = await self._control_run(argv, privilege, attempts=2)
        if stopped is None and not self._connection.is_closed():
            # The server allows no channel beside this one (MaxSessions 1): make room, then try again.
            channel.close()
            await within(CLOSE_WAIT, channel.wait_closed())
            stopped = await self._control_run(argv, privilege)
        await within(CLOSE_WAIT, session.ended.wait())
        if stopped:
            self.unfinished.discard(job)
        return bool(stopped)

    async def _control_run(
        self, argv: tuple[str, ...], privilege: Privilege, *, attempts: int = REFUSED_ATTEMPTS
    ) -> bool | None:
        """Run one of our own short scripts beside the budget: True = exit code 0, None = no channel for it."""
        job = secrets.token_hex(8)
        session = CommandSession(job, keep=KEEP, on_line=None)
        async with self._control:
            for attempt in range(attempts):
                try:
                    channel = await self._open(session, supervised(argv, job, privilege))
                except asyncssh.ChannelOpenError:
                    if self._connection.is_closed():
                        return None
                    await asyncio.sleep(REFUSED_PAUSE * 2**attempt)
                except (asyncssh.Error, OSError):
                    return None
                else:
                    break
            else:
                return None
            try:
                await _feed(channel, session, self._sudo.preface(privilege, job), None)
                await within(END_WAIT, session.ended.wait())
            finally:
                channel.close()
        return session.exit_code == 0

    async def _probe_sudo(self, session: CommandSession, job: str, stdin: bytes) -> None:
        async def close(channel: Channel) -> None:
            channel.close()

        async with self._channels.session(lambda: self._open(session, sudo_probe(job)), close) as channel:
            await _feed(channel, session, stdin, None)
            if not await within(SUDO_WAIT, session.ended.wait()):
                raise CommandFailed(
                    f"sudo does not answer on {self._login.label}",
                    detail=f"no result within {SUDO_WAIT:g} s",
                    fix="Try on the machine: sudo -k true. Slow DNS or directory services are typical causes.",
                )

    # -- explanations

    def _redacting(self, on_line: OnLine | None) -> OnLine | None:
        if on_line is None:
            return None
        return lambda stream, line: on_line(stream, self._redact(line))

    def _evidence(self, argv: Sequence[str], session: CommandSession, *outputs: bytes) -> Evidence:
        lines = [line for part in outputs for line in self._redact(decode(part)).splitlines()[-10:]]
        return Evidence(self._redact(quote(argv)), session.exit_code, tuple(lines))

    def _timed_out(
        self, argv: Sequence[str], session: CommandSession, timeout: float, stopped: bool
    ) -> CommandTimeout:
        end = "It was stopped." if stopped else "It could not be stopped and may still be running."
        outputs = (session.stdout.content.value(), session.stderr.content.value())
        return CommandTimeout(
            f"{self._login.host}: {argv[0]} did not end within {timeout:g} s",
            detail=f"{end} The last lines it printed are below.",
            fix="Look for the cause on the machine (load, disk, network); it is tried again from here.",
            evidence=self._evidence(argv, session, *outputs),
        )

    def _not_started(
        self, argv: Sequence[str], session: CommandSession, privilege: Privilege
    ) -> CommandFailed | AuthenticationFailed:
        return self._sudo.refusal(session, privilege) or CommandFailed(
            f"{self._login.host}: {argv[0]} could not be started",
            detail="the login shell ended before it ran the command",
            fix="The user needs a POSIX login shell (not nologin), no ForceCommand, and sh and setsid installed.",
            evidence=self._evidence(argv, session, session.stdout.preamble, session.stderr.preamble),
        )


async def _feed(channel: Channel, session: CommandSession, preface: bytes, data: Input | None) -> None:
    """Write stdin and close it; a command that ends without reading it is no error.

    An error of the source of `data` is kept for the caller of the command; the command sees its input end.
    """
    with contextlib.suppress(OSError):
        if preface:
            channel.write(preface)
        if isinstance(data, bytes):
            channel.write(data)
        elif data is not None:
            await _feed_blocks(channel, session, data)
        channel.write_eof()


async def _feed_blocks(channel: Channel, session: CommandSession, blocks: AsyncIterator[bytes]) -> None:
    while True:
        try:
            block = await anext(blocks)
        except StopAsyncIteration:
            return
        except Exception as error:
            session.callback_error = error
            return
        await session.writable.wait()
        channel.write(block)

"""Opening channels on one connection: how many at once, and what happens when the server refuses one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncssh

from tke_tui.core.adapters import ssh_errors
from tke_tui.core.adapters.ssh_types import Login
from tke_tui.core.errors import ConnectionBroken

T = TypeVar("T")

REFUSED_PAUSE = 0.05
"""Seconds before a refused channel is tried again when none of ours can be waited for; doubles each time."""
REFUSED_ATTEMPTS = 6


class ChannelBudget:
    """Counts open channels against a limit that shrinks when the server refuses one.

    `make_room` is awaited when the limit is reached; it may close an idle channel (which releases it).
    """

    def __init__(self, limit: int, make_room: Callable[[], Awaitable[None]]) -> None:
        self.limit = limit
        self.in_use = 0
        self.waiting = 0
        self._make_room = make_room
        self._changed = asyncio.Condition()

    async def acquire(self) -> None:
        """Take one channel, waiting for another to end when the limit is reached."""
        if self.in_use >= self.limit:
            await self._make_room()
        self.waiting += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: self.in_use < self.limit)
                self.in_use += 1
        finally:
            self.waiting -= 1

    async def release(self) -> None:
        """Give one channel back."""
        async with self._changed:
            self.in_use -= 1
            self._changed.notify_all()

    def refused(self) -> bool:
        """Note that the server refused the channel just taken; False when no other is open to wait for."""
        others = self.in_use - 1
        self.limit = max(1, min(self.limit, others))
        return others > 0


class Channels:
    """Opens channels on one connection within a budget."""

    def __init__(self, connection: asyncssh.SSHClientConnection, login: Login, budget: ChannelBudget) -> None:
        self.connection = connection
        self.budget = budget
        self._login = login

    async def open(
        self, opener: Callable[[], Coroutine[Any, Any, T]], late: Callable[[T], Awaitable[None]]
    ) -> T:
        """Open a channel; whoever gets it gives it back with `budget.release`.

        When the caller is cancelled while the server is still answering, `late` disposes of what was opened.
        Raises `ConnectionBroken`.
        """
        attempts = 0
        while True:
            await self.budget.acquire()
            opening = asyncio.ensure_future(opener())
            try:
                return await asyncio.shield(opening)
            except asyncssh.ChannelOpenError as error:
                attempts += 1
                waitable = self.budget.refused()
                await uninterrupted(self.budget.release())
                if self.connection.is_closed():
                    raise ssh_errors.broken(self._login, "opening a channel", error) from error
                # The server may count a session that has just ended for a moment longer.
                if not waitable:
                    if attempts > REFUSED_ATTEMPTS:
                        raise _refused(self._login, error) from error
                    await asyncio.sleep(REFUSED_PAUSE * 2**attempts)
            except (asyncssh.Error, OSError) as error:
                await uninterrupted(self.budget.release())
                raise ssh_errors.broken(self._login, "opening a channel", error) from error
            except BaseException:
                await uninterrupted(_dispose(opening, late))
                await uninterrupted(self.budget.release())
                raise

    @asynccontextmanager
    async def session(
        self,
        opener: Callable[[], Coroutine[Any, Any, asyncssh.SSHClientChannel[bytes]]],
        late: Callable[[asyncssh.SSHClientChannel[bytes]], Awaitable[None]],
    ) -> AsyncIterator[asyncssh.SSHClientChannel[bytes]]:
        """A channel for one command, closed and given back at the end."""
        channel = await self.open(opener, late)
        try:
            yield channel
        finally:
            channel.close()
            await uninterrupted(self.budget.release())


async def _dispose(opening: asyncio.Future[T], late: Callable[[T], Awaitable[None]]) -> None:
    with contextlib.suppress(asyncssh.Error, OSError):
        await late(await opening)


def _refused(login: Login, error: asyncssh.ChannelOpenError) -> ConnectionBroken:
    return ConnectionBroken(
        f"{login.label} opens no session for a command",
        detail=error.reason,
        fix="MaxSessions in the machine's sshd_config must be at least 1.",
    )


async def within(seconds: float, what: Coroutine[Any, Any, object]) -> bool:
    """Await for at most so long; False when it took longer."""
    try:
        async with asyncio.timeout(seconds):
            await what
    except TimeoutError:
        return False
    return True


async def uninterrupted(what: Coroutine[Any, Any, T]) -> T:
    """Await to the end even when cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(what)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except BaseException:
            break
    if cancelled:
        if not task.cancelled():
            task.exception()
        raise asyncio.CancelledError
    return task.result()

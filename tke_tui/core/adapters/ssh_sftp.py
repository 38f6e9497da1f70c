"""One kept SFTP session per connection, closed when its channel is wanted for a command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from tke_tui.core.adapters.ssh_channels import Channels, uninterrupted


class SftpUnavailable(Exception):
    """The server has no SFTP, or a profile's output spoils its stream."""


class Sftp:
    """Opens SFTP when first used; whether a server has none is found out once.

    A login shell that prints something before an external sftp-server makes the stream unreadable; the session
    then does not begin within `start_timeout` seconds and counts as unavailable.
    """

    def __init__(self, channels: Channels, start_timeout: float) -> None:
        self._channels = channels
        self._start_timeout = start_timeout
        self._opening = asyncio.Lock()
        self._client: asyncssh.SFTPClient | None = None
        self._users = 0
        self._unavailable = False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """The session. Raises `SftpUnavailable`, `ConnectionBroken`."""
        self._users += 1
        try:
            async with self._opening:
                client = self._client or await self._open()
            yield client
        finally:
            self._users -= 1
            if self._channels.budget.waiting:
                await uninterrupted(self.close_idle())

    async def close_idle(self) -> None:
        """Close the session, and free its channel, unless somebody uses it."""
        if self._users == 0 and self._client is not None:
            client, self._client = self._client, None
            await self._discard(client)
            await self._channels.budget.release()

    async def _open(self) -> asyncssh.SFTPClient:
        if self._unavailable:
            raise SftpUnavailable
        client = await self._channels.open(self._start, self._discard)
        if client is None:
            self._unavailable = True
            await self._channels.budget.release()
            raise SftpUnavailable
        self._client = client
        return client

    async def _start(self) -> asyncssh.SFTPClient | None:
        try:
            async with asyncio.timeout(self._start_timeout):
                return await self._channels.connection.start_sftp_client(
                    path_encoding="utf-8", path_errors="surrogateescape"
                )
        except (TimeoutError, asyncssh.SFTPError):
            return None
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED:
                return None
            raise

    async def _discard(self, client: asyncssh.SFTPClient | None) -> None:
        if client is not None:
            client.exit()
            await client.wait_closed()

"""Opens one SSH connection: TCP or bastion, host key, login, retries of what the server cut off."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import asyncssh

from tke_tui.core.adapters import ssh_errors
from tke_tui.core.adapters.ssh_auth import Credentials, LoginClient, Target, credentials
from tke_tui.core.adapters.ssh_hostkeys import HostKeys, pinned
from tke_tui.core.adapters.ssh_types import Login, SshSettings
from tke_tui.core.errors import Unreachable

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""AES-GCM first: about twice the throughput of asyncssh's own first choice, at half the CPU per byte."""
FIRST_PAUSE = 0.1
"""Seconds before the second attempt; doubles each time, times a random factor of 0.5 to 1.5."""

LoginSlot = Callable[[], AbstractAsyncContextManager[None]]


class Opener:
    """Opens connections under one set of settings."""

    def __init__(self, settings: SshSettings, host_keys: HostKeys) -> None:
        self._settings = settings
        self._host_keys = host_keys

    async def open(
        self,
        target: Target,
        tunnel: asyncssh.SSHClientConnection | None,
        slot: LoginSlot,
    ) -> asyncssh.SSHClientConnection:
        """Connect and log in; each attempt holds a login `slot`, questions and pauses hold none.

        Raises `Unreachable` or a subclass of it.
        """
        login = target.resolved
        creds = await asyncio.to_thread(credentials, target, self._settings)
        attempt = 0
        while True:
            attempt += 1
            client = LoginClient(login.password, self._pin(login))
            try:
                async with slot():
                    return await self._attempt(target, creds, client, tunnel)
            except asyncssh.HostKeyNotVerifiable as error:
                if client.offered_key is None:
                    raise ssh_errors.host_key_unusable(login, error) from error
                await self._host_keys.decide(login, client.offered_key)
                attempt -= 1
            except asyncssh.ChannelOpenError as error:
                if login.bastion is None:
                    raise
                raise ssh_errors.cannot_tunnel(login, login.bastion, error) from error
            except (asyncssh.Error, OSError) as error:
                if ssh_errors.is_login_refusal(error):
                    offered = await self._offered_methods(target, tunnel)
                    prompts = tuple(client.unanswered)
                    raise ssh_errors.login_refused(login, creds.tried, offered, prompts) from error
                cut_off = isinstance(error, asyncssh.ConnectionLost | ConnectionError)
                cut_off = cut_off and "timeout" not in str(error).lower()
                if not cut_off or attempt >= self._settings.login_attempts:
                    words = "" if client.server_version else await self._first_words(target, tunnel)
                    raise ssh_errors.handshake_failed(
                        login,
                        error,
                        server_version=client.server_version,
                        first_words=words,
                        attempts=attempt,
                    ) from error
                # Jitter, so that connections dropped together do not come back together.
                await asyncio.sleep(FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311

    def _pin(self, login: Login) -> Callable[[asyncssh.SSHKey], bool]:
        wanted = login.host_key
        return lambda key: wanted is not None and pinned(wanted, key)

    async def _attempt(
        self,
        target: Target,
        creds: Credentials,
        client: LoginClient,
        tunnel: asyncssh.SSHClientConnection | None,
    ) -> asyncssh.SSHClientConnection:
        settings = self._settings
        login = target.resolved
        known = self._host_keys.known(login)
        # A pinned key counts alone: a stored one must not let another machine through.
        trusted = known.for_asyncssh() if login.host_key is None else ([], [], list(known.revoked))
        sock = None if tunnel is not None else await self._dial(login)
        try:
            async with asyncio.timeout(settings.login_timeout):
                return await asyncssh.connect(
                    target.host,
                    target.port,
                    sock=sock,
                    tunnel=tunnel if tunnel is not None else (),
                    config=None,
                    client_factory=lambda: client,
                    known_hosts=trusted,
                    server_host_key_algs=list(known.algorithms),
                    encryption_algs=list(CIPHERS),
                    compression_algs=["none"],
                    gss_kex=False,
                    gss_auth=False,
                    host_based_auth=False,
                    login_timeout=settings.login_timeout,
                    keepalive_interval=settings.keepalive_interval,
                    keepalive_count_max=settings.keepalive_count_max,
                    utf8_decode_errors="backslashreplace",
                    **creds.options,
                )
        except BaseException:
            if sock is not None:
                sock.close()
            raise

    async def _dial(self, login: Login) -> socket.socket:
        """TCP connection to the first address that answers."""
        loop = asyncio.get_running_loop()
        timeout = self._settings.connect_timeout
        try:
            async with asyncio.timeout(timeout):
                places = await loop.getaddrinfo(login.host, login.port, type=socket.SOCK_STREAM)
                error: OSError | None = None
                for family, kind, protocol, _, address in places:
                    sock = socket.socket(family, kind, protocol)
                    try:
                        sock.setblocking(False)
                        await loop.sock_connect(sock, address)
                    except OSError as failed:
                        sock.close()
                        error = failed
                    except BaseException:
                        sock.close()
                        raise
                    else:
                        return sock
        except (OSError, UnicodeError) as failed:
            raise ssh_errors.cannot_connect(login, failed, timeout) from failed
        raise ssh_errors.cannot_connect(login, error or OSError("no address"), timeout) from error

    async def _first_words(self, target: Target, tunnel: asyncssh.SSHClientConnection | None) -> str:
        """What the port says to somebody who only listens, for the explanation; "" when nothing."""
        if tunnel is not None:
            return ""
        with contextlib.suppress(OSError, Unreachable):
            sock = await self._dial(target.resolved)
            try:
                async with asyncio.timeout(2):
                    loop = asyncio.get_running_loop()
                    return (await loop.sock_recv(sock, 256)).decode("utf-8", "replace").strip()
            finally:
                sock.close()
        return ""

    async def _offered_methods(
        self, target: Target, tunnel: asyncssh.SSHClientConnection | None
    ) -> tuple[str, ...]:
        """Login methods the server offers, for the explanation; empty when it cannot be learnt."""
        with contextlib.suppress(asyncssh.Error, OSError):
            async with asyncio.timeout(self._settings.connect_timeout):
                methods = await asyncssh.get_server_auth_methods(
                    target.host,
                    target.port,
                    target.username,
                    tunnel=tunnel if tunnel is not None else (),
                    config=None,
                )
                return tuple(method for method in methods if method != "none")
        return ()

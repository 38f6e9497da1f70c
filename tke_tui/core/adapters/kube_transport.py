"""Requests to one Kubernetes API server: TLS, login, time limits, retries, errors. Paths in, JSON out.

The only place that imports kubernetes_asyncio, on the first request and in a thread: the import takes about 0.5 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tke_tui.core.adapters.kube_errors import error_for, unreachable, untrusted
from tke_tui.core.errors import Fatal, TkeError

ATTEMPTS = 6
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 30.0
CONNECT_TIMEOUT = 10.0
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to know the server and how to log in: CA as PEM, and a bearer token or a client certificate (PEM)."""

    ca_pem: str
    token: str | None = None
    client_cert_pem: str | None = None
    client_key_pem: str | None = None
    tls_server_name: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an HTTP answer."""

    status: int
    text: str
    retry_after: float | None = None

    def json(self) -> dict[str, Any]:
        document = json.loads(self.text)
        return document if isinstance(document, dict) else {}


class Transport:
    """Connections to `server` (e.g. `https://10.0.0.1:6443`), opened on first use.

    `attempts` bounds how often an idempotent request is sent; pauses double from `first_pause` seconds to 8 s, and
    follow the server's Retry-After up to 30 s. `request_timeout` (s) bounds each single request.
    """

    def __init__(
        self,
        server: str,
        credentials: Credentials,
        *,
        attempts: int = ATTEMPTS,
        first_pause: float = FIRST_PAUSE,
        request_timeout: float = 30.0,
    ) -> None:
        self.server = server.rstrip("/")
        self.name = urlsplit(server).netloc
        self._credentials = credentials
        self._attempts = attempts
        self._first_pause = first_pause
        self._request_timeout = request_timeout
        self._rest: Any = None
        self._opening = asyncio.Lock()

    async def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        idempotent: bool = True,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send a request until it is answered; `what` names it for people.

        Statuses in `accept` are returned as they are, all others but 2xx raise the errors of `kube_errors`.
        A request that is not idempotent is only sent again when the server refused it before doing anything (429).
        """
        pause = self._first_pause
        for attempt in range(1, self._attempts + 1):
            failure: TkeError
            try:
                answer = await self._once(method, path, query, body, content_type)
            except ssl.SSLCertVerificationError as error:
                raise untrusted(self.name, what, error) from None
            except (OSError, TimeoutError, _client_error()) as error:
                failure, again = unreachable(self.name, what, error), idempotent
            else:
                if 200 <= answer.status < 300 or answer.status in accept:
                    return answer
                failure = error_for(self.name, what, answer.status, answer.text, answer.retry_after)
                again = answer.status == 429 or (
                    idempotent and (answer.status == 409 or answer.status >= 500)
                )
            if not again or attempt == self._attempts:
                raise failure
            asked = min(failure.retry_after or 0.0, LONGEST_RETRY_AFTER)
            await asyncio.sleep(max(asked, pause * random.uniform(0.75, 1.25)))  # noqa: S311 - spreads clients
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("unreachable")  # pragma: no cover

    async def once(self, path: str, *, timeout: float = 10.0) -> Answer:
        """A single GET without retries; any status is returned. Raises `ApiUnavailable` or Fatal (TLS)."""
        try:
            return await self._once("GET", path, None, None, "application/json", timeout=timeout)
        except ssl.SSLCertVerificationError as error:
            raise untrusted(self.name, f"get {path}", error) from None
        except (OSError, TimeoutError, _client_error()) as error:
            raise unreachable(self.name, f"get {path}", error) from None

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, what: str, query: Mapping[str, str], read_timeout: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a long answer and hand out its lines; silence of `read_timeout` seconds counts as a broken connection.

        Raises `ApiUnavailable` when the connection breaks, and the error of the status when it is not 200.
        """
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None, connect=CONNECT_TIMEOUT, sock_connect=CONNECT_TIMEOUT, sock_read=read_timeout
        )
        try:
            response = await self._send("GET", path, query, None, "application/json", timeout)
            try:
                if response.status != 200:
                    text = await response.text(errors="replace")
                    raise error_for(self.name, what, response.status, text, _retry_after(response))
                yield _lines(response)
            finally:
                response.close()
        except ssl.SSLCertVerificationError as error:
            raise untrusted(self.name, what, error) from None
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise unreachable(self.name, what, error) from None

    async def close(self) -> None:
        """Close all connections; the transport can be used again afterwards."""
        async with self._opening:
            if self._rest is not None:
                rest, self._rest = self._rest, None
                await rest.close()

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        *,
        timeout: float | None = None,
    ) -> Answer:
        import aiohttp

        limit = aiohttp.ClientTimeout(total=timeout or self._request_timeout, sock_connect=CONNECT_TIMEOUT)
        response = await self._send(method, path, query, body, content_type, limit)
        try:
            text = await response.text(encoding="utf-8", errors="replace")
            return Answer(response.status, text, _retry_after(response))
        finally:
            response.release()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        timeout: Any,
    ) -> Any:
        rest = await self._open()
        headers = {"Content-Type": content_type, "Accept": "application/json", "User-Agent": "tke-tui"}
        if self._credentials.token:
            headers["Authorization"] = f"Bearer {self._credentials.token}"
        # Without _preload_content the library neither logs the body (it may be a Secret) nor reads it unbounded.
        return await rest.request(
            method,
            self.server + path,
            query_params=dict(query) if query else None,
            headers=headers,
            body=body,
            _preload_content=False,
            _request_timeout=timeout,
        )

    async def _open(self) -> Any:
        if self._rest is None:
            async with self._opening:
                if self._rest is None:
                    rest_type, configuration_type = await asyncio.to_thread(_import)
                    self._rest = await self._make(rest_type, configuration_type)
        return self._rest

    async def _make(self, rest_type: Any, configuration_type: Any) -> Any:
        import aiohttp

        context = await asyncio.to_thread(_ssl_context, self._credentials)
        configuration = configuration_type(host=self.server)
        configuration.proxy = None
        configuration.tls_server_name = self._credentials.tls_server_name
        rest = rest_type(configuration)
        await rest.pool_manager.close()
        # The library's own session follows http_proxy and .netrc of the environment: the machines are in the local
        # network, and a proxy that is there for the Internet would only hide them.
        rest.pool_manager = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context), trust_env=False
        )
        return rest


def _import() -> tuple[Any, Any]:
    from kubernetes_asyncio.client.configuration import Configuration
    from kubernetes_asyncio.client.rest import RESTClientObject

    return RESTClientObject, Configuration


def _client_error() -> type[Exception]:
    import aiohttp

    return aiohttp.ClientError


def _ssl_context(credentials: Credentials) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=credentials.ca_pem)
        # kubeadm's certificates carry no authority key identifier, which the strict mode of newer Pythons demands.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if credentials.client_cert_pem and credentials.client_key_pem:
            _load_client_certificate(context, credentials.client_cert_pem, credentials.client_key_pem)
    except (ssl.SSLError, ValueError) as error:
        raise Fatal(
            "The certificates for the Kubernetes API cannot be used",
            detail=str(error),
            fix="The stored CA or client certificate is damaged; take back the installation directory from a backup.",
        ) from None
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # Python only loads certificate chains from files; 0700 directory, gone before the first request.
    with tempfile.TemporaryDirectory(prefix="tke-tui-") as directory:
        path = Path(directory) / "client.pem"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(certificate.rstrip("\n") + "\n" + key)
        context.load_cert_chain(path)


def _retry_after(response: Any) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


async def _lines(response: Any) -> AsyncIterator[bytes]:
    # Split here: aiohttp's own line reader fails on lines longer than its buffer, and objects may be megabytes.
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line

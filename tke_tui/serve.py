"""`tke-tui serve`: the same UI in a browser, for whoever holds the token.

textual-serve starts one client process for each browser tab and carries its screen over a websocket. It knows no
passwords; what guards it is here: every request, the websocket's too, needs the token or the cookie made from it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import secrets
import shlex
import signal
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from textual_serve.server import Server

from tke_tui.core.errors import UsageError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'",
}


class GuardedServer(Server):
    """Serves the UI that `command` (an argument list) starts, on `host`:`port`, over TLS when there is a context.

    `token` is what the first request has to bring as `?token=`; it is answered with a cookie and a redirection to an
    address without it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        tls: ssl.SSLContext | None = None,
        token: str = "",
    ) -> None:
        super().__init__(
            f"exec {shlex.join(command)}",
            host=host,
            port=port,
            title="tke-tui",
            templates_path=Path(__file__).parent / "serve_page",
        )
        self.token = token or secrets.token_urlsafe(32)
        self.tls = tls
        self._session = secrets.token_urlsafe(32)
        self._websockets: set[web.WebSocketResponse] = set()

    @property
    def url(self) -> str:
        """Where to go with a browser for the first time; holds the token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/?token={self.token}"

    async def run(self, ready: Callable[[], object]) -> None:
        """Serve until a signal ends it; `ready` is called when the port is open. Raises `UsageError` when it is not."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        runner = await self.start()
        try:
            ready()
            await stop.wait()
        finally:
            await runner.cleanup()

    async def start(self) -> web.AppRunner:
        """Open the port; `cleanup` of the runner closes it. With port 0 any free one is taken and kept in `port`."""
        logging.getLogger("textual-serve").addHandler(logging.NullHandler())
        # An access log would hold the token: it is in the first address.
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port, ssl_context=self.tls).start()
        except OSError as error:
            await runner.cleanup()
            raise UsageError(
                f"{self.host} port {self.port} cannot be listened on",
                detail=error.strerror or str(error),
                fix="Choose another port with --port (0 takes any free one).",
            ) from None
        self.port = runner.addresses[0][1]
        return runner

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    @property
    def _cookie(self) -> str:
        # Cookies know no ports: two servers on one host must not take each other's.
        return f"tke-tui-{self.port}"

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "token" in request.query and _same(request.query["token"], self.token):
            response: web.StreamResponse = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(
                self._cookie, self._session, httponly=True, samesite="Strict", secure=self.tls is not None
            )
        elif not _same(request.cookies.get(self._cookie, ""), self._session):
            response = web.Response(
                status=401,
                text="The token is missing or wrong. Open the address that tke-tui serve printed, with its token.\n",
            )
        elif request.path == "/ws" and not self._same_origin(request):
            response = web.Response(status=403, text="Refused: the page is not this server's own.\n")
        else:
            response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _same_origin(self, request: web.Request) -> bool:
        scheme = "https" if self.tls else "http"
        return request.headers.get("Origin", "") == f"{scheme}://{request.host}"

    @aiohttp_jinja2.template("app_index.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        """The page. Its addresses are those the browser used, which through a tunnel are not this server's."""
        size = request.query.get("fontsize", "16")
        return {
            "font_size": int(size) if size.isdecimal() else 16,
            "app_websocket_url": f"{'wss' if self.tls else 'ws'}://{request.host}/ws",
            "config": {"static": {"url": "/static/"}},
            "application": {"name": self.title},
        }

    async def on_startup(self, app: web.Application) -> None:
        """Says nothing: the command line does."""


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS with this certificate chain and key (PEM); None without both. Raises `UsageError`."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("--tls-cert and --tls-key belong together", fix="Give both, or none of them.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            "The certificate cannot be used",
            detail=f"{certificate}, {key}: {error.strerror or error}",
            fix="Give a PEM certificate chain with --tls-cert and its unencrypted PEM key with --tls-key.",
        ) from None
    return context


def require_safe(host: str, tls: ssl.SSLContext | None) -> None:
    """Raises `UsageError` when keys and passwords would go over a network in clear."""
    if tls is None and not _is_loopback(host):
        raise UsageError(
            f"{host} is no loopback address, and there is no certificate",
            detail="keys, passwords and the token would go over the network in clear",
            fix="Give --tls-cert and --tls-key, or stay on 127.0.0.1 and use a tunnel: "
            "ssh -L 8000:127.0.0.1:8000 THIS-HOST",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())

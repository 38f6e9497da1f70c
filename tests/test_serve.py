"""The UI in a browser: nobody sees anything without the token, over any way in."""

from __future__ import annotations

import asyncio
import shlex
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tke_tui.cli_serve import client_command
from tke_tui.cli_ui import Look
from tke_tui.core.errors import UsageError
from tke_tui.core.paths import InstallDir
from tke_tui.serve import GuardedServer, require_safe, tls_context

TINY_APP = """
from textual.app import App
from textual.widgets import Label
class Tiny(App):
    def compose(self):
        yield Label("the picture")
Tiny().run()
"""


@asynccontextmanager
async def serving(command: list[str], **options: object) -> AsyncIterator[GuardedServer]:
    server = GuardedServer(command, port=0, **options)  # type: ignore[arg-type]
    runner = await server.start()
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def at(server: GuardedServer, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


@pytest.mark.parametrize(
    "path", ["/", "/ws", "/static/js/textual.js", "/download/x", "/nothing", "/?token=", "/?token=wrong"]
)
async def test_without_the_token_there_is_nothing(path: str) -> None:
    async with serving(["true"]) as server, browser() as session:
        response = await session.get(at(server, path))
        assert response.status == 401
        assert server.token not in await response.text()
        assert not response.cookies


async def test_the_token_opens_the_page_once_for_all_and_leaves_the_address() -> None:
    async with serving(["true"]) as server, browser() as session:
        async with session.get(server.url) as response:
            assert response.status == 200
            assert str(response.url) == at(server, "/")
            assert server.token not in await response.text()
            assert response.headers["Cache-Control"] == "no-store"
        async with session.get(at(server, "/")) as response:
            page = await response.text()
            assert response.status == 200
            assert f"ws://127.0.0.1:{server.port}/ws" in page
            assert "https://" not in page, "the page needs nothing from elsewhere"
        async with session.get(at(server, "/static/js/textual.js")) as response:
            assert response.status == 200


async def test_the_cookie_is_not_the_token_and_stays_with_the_browser() -> None:
    async with serving(["true"]) as server, browser() as session:
        response = await session.get(server.url, allow_redirects=False)
        (cookie,) = response.cookies.values()
        assert cookie.value != server.token
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"


async def test_the_websocket_is_closed_to_strangers_and_to_other_pages() -> None:
    async with serving(["true"]) as server, browser() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(at(server, "/ws"))
        assert refused.value.status == 401
        await (await session.get(server.url)).read()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(at(server, "/ws"), origin="http://elsewhere.example")
        assert refused.value.status == 403


async def test_the_screen_of_an_app_comes_through_the_websocket() -> None:
    async with serving([sys.executable, "-c", TINY_APP]) as server, browser() as session:
        await (await session.get(server.url)).read()
        seen = b""
        origin = at(server, "")
        async with session.ws_connect(at(server, "/ws?width=80&height=24"), origin=origin) as socket:
            async with asyncio.timeout(30):
                while b"the picture" not in seen:
                    message = await socket.receive()
                    assert message.type is aiohttp.WSMsgType.BINARY, message
                    seen += message.data


async def test_what_is_served_is_the_ui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    command = client_command(InstallDir(tmp_path / "site"), Look(lang="zh"))
    async with serving(command) as server, browser() as session:
        await (await session.get(server.url)).read()
        seen = b""
        async with session.ws_connect(at(server, "/ws?width=80&height=24"), origin=at(server, "")) as socket:
            async with asyncio.timeout(50):
                while "离线安装包".encode() not in seen:
                    message = await socket.receive()
                    assert message.type is aiohttp.WSMsgType.BINARY, seen[-2000:]
                    seen += message.data


def certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "tls.crt", directory / "tls.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


async def test_with_a_certificate_all_of_it_is_encrypted(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(crt))
    async with serving(["true"], tls=tls_context(crt, key)) as server, browser() as session:
        assert server.url.startswith("https://")
        async with session.get(server.url, ssl=trust, allow_redirects=False) as response:
            (cookie,) = response.cookies.values()
            assert cookie["secure"]
        async with session.get(server.url, ssl=trust) as response:
            assert f"wss://127.0.0.1:{server.port}/ws" in await response.text()


def test_other_addresses_are_refused_without_a_certificate(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        require_safe(host, None)
    for host in ("0.0.0.0", "192.0.2.1", "::", "jump.example"):
        with pytest.raises(UsageError, match="no certificate"):
            require_safe(host, None)
        require_safe(host, tls_context(*certificate(tmp_path)))


def test_a_certificate_that_is_none_is_explained(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    with pytest.raises(UsageError, match="belong together"):
        tls_context(crt, None)
    key.write_text("nothing")
    with pytest.raises(UsageError, match="cannot be used"):
        tls_context(crt, key)
    with pytest.raises(UsageError, match="cannot be used"):
        tls_context(tmp_path / "absent", key)


async def test_a_taken_port_is_explained() -> None:
    async with serving(["true"]) as server:
        second = GuardedServer(["true"], port=server.port)
        with pytest.raises(UsageError, match="cannot be listened on"):
            await second.start()


async def test_paths_with_spaces_reach_the_client_whole() -> None:
    server = GuardedServer(["tke-tui", "--dir", "/a dir/$HOME;x"])
    assert shlex.split(server.command) == ["exec", "tke-tui", "--dir", "/a dir/$HOME;x"]

"""The registry adapter against a registry that answers like the real ones."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tke_tui.core import pki
from tke_tui.core.adapters.registry import RegistryClient, insecure_in
from tke_tui.core.adapters.registry_auth import parse_challenge
from tke_tui.core.adapters.registry_errors import (
    NotARegistry,
    RegistryAuthFailed,
    RegistryDenied,
    RegistryRejected,
    RegistryTlsFailed,
    RegistryUnavailable,
)
from tke_tui.core.images import MANIFEST_LIST, MANIFEST_V2, manifest_list
from tke_tui.lab.registry import Fault, RegistryServer, digest_of

REPO = "library/etcd-amd64"


@pytest.fixture
async def server() -> AsyncIterator[RegistryServer]:
    registry = await RegistryServer().start()
    yield registry
    await registry.stop()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., RegistryClient]]:
    clients: list[RegistryClient] = []

    def make(url: str, **options: Any) -> RegistryClient:
        clients.append(RegistryClient(url, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


def content(data: bytes) -> Callable[[], AsyncIterator[bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    return chunks


async def put_image(client: RegistryClient, repo: str = REPO, layer: bytes = b"layer") -> str:
    config = b"{}"
    for blob in (config, layer):
        await client.upload_blob(repo, digest_of(blob), len(blob), content(blob))
    body = b'{"schemaVersion":2,"mediaType":"%s","config":{"digest":"%s"},"layers":[{"digest":"%s"}]}' % (
        MANIFEST_V2.encode(),
        digest_of(config).encode(),
        digest_of(layer).encode(),
    )
    return await client.put_manifest(repo, "v1", MANIFEST_V2, body)


@pytest.mark.parametrize("auth", ["", "basic", "bearer"])
async def test_an_image_goes_in_and_is_found_again_with_any_kind_of_login(
    server: RegistryServer, connect: Callable[..., RegistryClient], auth: str
) -> None:
    server.auth = auth  # type: ignore[assignment]
    client = connect(server.url, username=server.username, password=server.password)
    await client.login()
    assert await client.head_manifest(REPO, "v1") is None
    digest = await put_image(client)
    found = await client.head_manifest(REPO, "v1")
    assert found is not None
    assert (found.digest, found.media_type) == (digest, MANIFEST_V2)
    manifest = await client.get_manifest(REPO, digest)
    assert manifest is not None
    assert manifest.descriptor == found
    listing = manifest_list([("amd64", found)])
    with pytest.raises(RegistryRejected, match="store library/etcd:v1") as failure:
        await client.put_manifest("library/etcd", "v1", MANIFEST_LIST, listing)
    assert "MANIFEST_BLOB_UNKNOWN" in failure.value.detail


async def test_a_blob_travels_once_and_is_mounted_from_a_repository_that_has_it(
    server: RegistryServer, connect: Callable[..., RegistryClient]
) -> None:
    client, data = connect(server.url), b"x" * 5000
    digest = digest_of(data)
    assert await client.upload_blob("a/one", digest, len(data), content(data)) is True
    assert await client.upload_blob("a/one", digest, len(data), content(data)) is False
    assert await client.upload_blob("a/two", digest, len(data), content(data), mount_from="a/one") is False
    assert await client.upload_blob("a/three", digest, len(data), content(data), mount_from="a/none") is True
    assert len(server.made("PUT")) == 2
    assert await client.blob_exists("a/two", digest)


async def test_a_streamed_blob_is_sent_again_after_the_registry_asked_for_a_login(
    server: RegistryServer, connect: Callable[..., RegistryClient]
) -> None:
    client, data = connect(server.url, username=server.username, password=server.password), b"y" * 3000
    server.auth = "bearer"
    await client.blob_exists("a/one", digest_of(data))
    assert await client.upload_blob("a/one", digest_of(data), len(data), content(data)) is True
    server.tokens.clear()
    assert await client.upload_blob("a/one", digest_of(b"z"), 1, content(b"z")) is True
    assert server.blobs[digest_of(data)] == data


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_wrong_password_is_told_apart_and_never_shown(
    server: RegistryServer, connect: Callable[..., RegistryClient], auth: str
) -> None:
    server.auth = auth  # type: ignore[assignment]
    client = connect(server.url, username="pusher", password="not-the-one")
    with pytest.raises(RegistryAuthFailed, match="refused the login of pusher") as failure:
        await client.login()
    assert "not-the-one" not in str(failure.value) + repr(client) + repr(failure.value.__dict__)


async def test_a_registry_that_wants_a_login_says_so_when_none_is_given(
    server: RegistryServer, connect: Callable[..., RegistryClient]
) -> None:
    server.auth = "basic"
    client = connect(server.url)
    await client.ping()
    with pytest.raises(RegistryAuthFailed, match="asks for a login"):
        await client.login()


async def test_a_web_server_is_not_taken_for_a_registry(
    server: RegistryServer, connect: Callable[..., RegistryClient]
) -> None:
    server.versioned = False
    with pytest.raises(NotARegistry, match="not an image registry"):
        await connect(server.url).login()


async def test_plain_http_where_tls_is_expected_is_explained(
    server: RegistryServer, connect: Callable[..., RegistryClient]
) -> None:
    client = connect(f"https://{server.host}")
    with pytest.raises(RegistryTlsFailed, match="TLS to the registry") as failure:
        await client.ping()
    assert "plain HTTP" in failure.value.detail
    client.allow_insecure()
    await client.ping()
    assert client.scheme == "http"


async def test_an_unknown_ca_is_explained_and_a_known_one_accepted(
    connect: Callable[..., RegistryClient], tmp_path: Path
) -> None:
    ca = pki.make_ca()
    pair = pki.issue(ca, pki.registry_profile("registry.tke.com"))
    (tmp_path / "crt").write_text(pair.cert_pem)
    (tmp_path / "key").write_text(pair.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    server = await RegistryServer(tls=context).start()
    try:
        with pytest.raises(RegistryTlsFailed) as failure:
            await connect(server.url).ping()
        assert "certificate is not accepted" in failure.value.detail
        await connect(server.url, ca_pem=ca.cert_pem, tls_name="registry.tke.com").ping()
        await connect(server.url, ca_pem=ca.cert_pem, tls_name="default.registry.tke.com").ping()
        with pytest.raises(RegistryTlsFailed):
            await connect(server.url, ca_pem=ca.cert_pem, tls_name="elsewhere.com").ping()
        trusting = connect(server.url)
        trusting.allow_insecure()
        await trusting.ping()
        assert trusting.scheme == "https"
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, RegistryUnavailable), (0, RegistryUnavailable), (429, RegistryUnavailable), (403, RegistryDenied)],
)
async def test_a_failing_push_of_a_manifest_is_an_error_and_not_a_success(
    server: RegistryServer, connect: Callable[..., RegistryClient], status: int, error: type[Exception]
) -> None:
    server.faults.append(Fault("PUT", "/manifests/", status, times=2))
    with pytest.raises(error, match="registry"):
        await put_image(connect(server.url))
    assert not server.manifests


async def test_nobody_listening_is_unavailable(connect: Callable[..., RegistryClient]) -> None:
    server = await RegistryServer().start()
    await server.stop()
    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        await connect(server.url).ping()


def test_challenges_are_read_with_commas_inside_quotes() -> None:
    header = 'Bearer realm="https://auth/token",service="reg",scope="repository:a/b:pull,push"'
    assert parse_challenge(header) == (
        "bearer",
        {"realm": "https://auth/token", "service": "reg", "scope": "repository:a/b:pull,push"},
    )


def test_docker_says_which_registries_need_no_tls() -> None:
    info = {
        "RegistryConfig": {"IndexConfigs": {"reg:5000": {"Secure": False}, "docker.io": {"Secure": True}}}
    }
    assert insecure_in(info, "reg:5000")
    assert insecure_in(info, "127.0.0.5:80")
    assert not insecure_in(info, "docker.io")
    networks = {"RegistryConfig": {"InsecureRegistryCIDRs": ["10.1.0.0/16", "::1/128"]}}
    assert insecure_in(networks, "10.1.2.3:5000")
    assert insecure_in(networks, "10.1.2.3")
    assert not insecure_in(networks, "10.2.2.3:5000")
    assert not insecure_in({}, "reg.example.com")

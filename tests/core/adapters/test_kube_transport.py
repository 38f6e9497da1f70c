"""Logins, certificates, retries and time limits of the Kubernetes client."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tke_tui.core.adapters.kube import ApiUnavailable, KubeClient
from tke_tui.core.adapters.kube_errors import ApiConflict
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.lab.certificates import make_server
from tke_tui.lab.kube.server import KubeServer

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tke"}}


@pytest.fixture
async def server() -> AsyncIterator[KubeServer]:
    async with KubeServer() as running:
        yield running


def connect(server: KubeServer, **options: Any) -> KubeClient:
    return KubeClient(server.url, server.ca_pem, **{"token": server.token, "first_pause": 0.01, **options})


async def test_a_wrong_token_is_fatal_at_once_and_never_shown(
    server: KubeServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connect(server, token="very-secret-token") as client:
        with pytest.raises(Fatal, match="does not accept our login") as failure:
            await client.get("v1", "Namespace", "tke")
    assert not failure.value.retryable
    assert failure.value.fix
    assert len(server.requests) == 1
    assert "very-secret-token" not in f"{failure.value}{caplog.text}{client._transport._credentials!r}"


async def test_missing_rights_are_fatal_and_name_what_was_forbidden(server: KubeServer) -> None:
    server.fail(403, method="PATCH")
    async with connect(server) as client:
        with pytest.raises(Fatal, match="does not allow: apply Namespace tke"):
            await client.apply(NAMESPACE)


async def test_a_server_with_another_certificate_is_fatal_and_gets_no_token(server: KubeServer) -> None:
    async with KubeClient(server.url, make_server()[0], token=server.token) as client:
        with pytest.raises(Fatal, match="certificate"):
            await client.get("v1", "Namespace", "tke")
    assert server.requests == []


async def test_the_expected_name_of_the_certificate_can_be_given(server: KubeServer) -> None:
    address = server.url.replace("127.0.0.1", "127.0.0.2")
    await server.stop()
    await server.start(server.port, host="127.0.0.2")
    async with KubeClient(address, server.ca_pem, token=server.token) as client:
        with pytest.raises(Fatal, match="certificate"):
            await client.get("v1", "Namespace", "default")
    async with KubeClient(address, server.ca_pem, token=server.token, tls_server_name="kubernetes") as client:
        assert await client.get("v1", "Namespace", "default")


async def test_damaged_ca_is_fatal() -> None:
    async with KubeClient("https://127.0.0.1:1", "no certificate", token="x") as client:
        with pytest.raises(Fatal, match="certificates for the Kubernetes API"):
            await client.get_raw("/readyz")


@pytest.mark.parametrize("status", [429, 500, 503, 0])
async def test_trouble_of_the_server_is_waited_out(server: KubeServer, status: int) -> None:
    async with connect(server) as client:
        server.fail(status, times=3)
        assert await client.apply(NAMESPACE) == "created"


async def test_a_conflict_is_tried_again_and_reported_when_it_stays(server: KubeServer) -> None:
    async with connect(server, attempts=3) as client:
        server.fail(409, times=2, method="PATCH")
        assert await client.apply(NAMESPACE) == "created"
        server.fail(409, times=3, method="PATCH")
        with pytest.raises(ApiConflict) as failure:
            await client.apply(NAMESPACE)
        assert failure.value.retryable


async def test_the_pause_the_server_asks_for_is_kept(server: KubeServer) -> None:
    async with connect(server) as client:
        await client.get("v1", "Namespace", "default")
        server.fail(429, headers={"Retry-After": "1"})
        begun = asyncio.get_running_loop().time()
        await client.get("v1", "Namespace", "default")
        assert asyncio.get_running_loop().time() - begun >= 1.0


async def test_a_server_that_stays_broken_is_retryable_for_the_engine(server: KubeServer) -> None:
    async with connect(server, attempts=2) as client:
        server.fail(503, times=2)
        with pytest.raises(ApiUnavailable, match="cannot answer now") as failure:
            await client.list("v1", "Namespace")
        assert failure.value.retryable
        assert server.asked("GET") == 2


async def test_a_json_patch_is_not_sent_twice_when_its_fate_is_unknown(server: KubeServer) -> None:
    await server.put(NAMESPACE)
    async with connect(server) as client:
        await client.get("v1", "Namespace", "tke")
        server.fail(0, method="PATCH")
        with pytest.raises(ApiUnavailable):
            await client.patch("v1", "Namespace", "tke", [], kind_of_patch="json")
        assert server.asked("PATCH") == 1


async def test_refused_connection_says_where_and_what_to_look_at(server: KubeServer) -> None:
    await server.stop()
    async with connect(server, attempts=2) as client:
        with pytest.raises(ApiUnavailable, match=f"127.0.0.1:{server.port} does not answer") as failure:
            await client.get("v1", "Namespace", "tke")
    assert "kube-apiserver" in failure.value.fix


async def test_a_silent_server_does_not_hang_the_client() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with (
        silent,
        KubeClient(f"https://127.0.0.1:{port}", make_server()[0], attempts=1, request_timeout=0.5) as client,
    ):
        with pytest.raises(ApiUnavailable, match="does not answer") as failure:
            await client.get("v1", "Namespace", "tke")
        assert failure.value.detail == "no answer in time"


async def test_a_proxy_of_the_environment_is_not_used_for_the_machines(
    server: KubeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with connect(server) as client:
        assert await client.get("v1", "Namespace", "default")


async def test_waits_for_an_api_server_that_comes_up_late(server: KubeServer) -> None:
    await server.stop()
    async with connect(server) as client:
        waiting = asyncio.create_task(client.wait_healthy(20))
        server.fail(500, times=2, path="/readyz")
        await server.start(server.port)
        await waiting
    assert server.asked("GET", "/readyz") == 3


async def test_an_api_server_that_stays_unhealthy_is_reported_with_its_answer(server: KubeServer) -> None:
    server.healthy = False
    async with connect(server) as client:
        await client.get_raw("/readyz")  # the first connection takes its time
        with pytest.raises(NotReady, match=r"did not become healthy in 0\.5 s") as failure:
            await client.wait_healthy(0.5)
    assert "etcd failed" in failure.value.detail


async def test_a_server_without_readyz_is_asked_for_healthz(server: KubeServer) -> None:
    server.fail(404, path="/readyz")
    async with connect(server) as client:
        await client.wait_healthy(5)
    assert server.asked("GET", "/healthz") == 1


async def test_client_certificates_are_accepted(server: KubeServer) -> None:
    _, certificate, key = make_server()
    async with KubeClient(
        server.url, server.ca_pem, token=server.token, client_cert_pem=certificate, client_key_pem=key
    ) as client:
        assert await client.get("v1", "Namespace", "default")


def test_importing_the_client_does_not_import_the_kubernetes_library() -> None:
    program = (
        "import sys, tke_tui.core.adapters.kube\n"
        "print([m for m in ('kubernetes_asyncio', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

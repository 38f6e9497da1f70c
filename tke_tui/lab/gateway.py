"""The platform's gateway on the machines of the embedded lab: the platform's registry, by TLS.

It opens once the DaemonSet tke-gateway is there, on every machine with an API server, with the certificate from the
Secret that the real one mounts; its user is the administrator of the registry's configuration.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import tempfile
from pathlib import Path

from tke_tui.core.components import NAMESPACE
from tke_tui.core.yaml_text import load_yaml
from tke_tui.lab.addresses import GATEWAY_PORT
from tke_tui.lab.cluster import LabCluster
from tke_tui.lab.registry import RegistryServer

_DAEMON_SET = ("apps/v1", "DaemonSet", NAMESPACE, "tke-gateway")
_CERTIFICATES = ("v1", "Secret", NAMESPACE, "certs")

_REGISTRY = ("v1", "Secret", NAMESPACE, "tke-registry-api-config")


class Gateway:
    """`open` begins to wait for the DaemonSet, `close` ends everything."""

    def __init__(self, cluster: LabCluster) -> None:
        self._cluster = cluster
        self._servers: list[RegistryServer] = []
        self._waiting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._waiting = asyncio.create_task(self._serve())

    async def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waiting
        for server in self._servers:
            await server.stop()

    @property
    def asked(self) -> int:
        """How many requests it was sent so far."""
        return sum(len(server.requests) for server in self._servers)

    async def _serve(self) -> None:
        store = self._cluster.store
        while store.get(_DAEMON_SET) is None:
            await store.wait_beyond(store.version)
        tls = self._tls()
        username, password = self._user()
        shared = RegistryServer()
        for address in self._cluster.servers:
            host, port = self._cluster.opens(address, GATEWAY_PORT)
            server = RegistryServer(
                address=host,
                port=port,
                auth="basic",
                username=username,
                password=password,
                tls=tls,
                blobs=shared.blobs,
                repositories=shared.repositories,
                manifests=shared.manifests,
            )
            self._servers.append(await server.start())

    def _secret(self, name: str) -> str:
        secret = self._cluster.store.get(_CERTIFICATES)
        assert secret is not None
        return base64.b64decode(secret["data"][name]).decode()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "server.pem"
            path.write_text(self._secret("server.crt") + self._secret("server.key"))
            context.load_cert_chain(path)
        return context

    def _user(self) -> tuple[str, str]:
        """Name and password of the administrator in the registry's configuration."""
        secret = self._cluster.store.get(_REGISTRY)
        assert secret is not None
        text = base64.b64decode(secret["data"]["tke-registry-config.yaml"])
        security = load_yaml(text)["security"]
        return security["adminUsername"], security["adminPassword"]

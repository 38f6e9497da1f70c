"""Both API servers of the tests behind one face: the in-process one and, where it exists, a real v1.20.2."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.contract import real_apiserver
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.kube_paths import Discovery
from tke_tui.core.adapters.kube_transport import Credentials, Transport
from tke_tui.lab.kube.server import KubeServer

Object = dict[str, Any]
KINDS_OF_API = ("in-process", real_apiserver.VERSION)


class Api:
    """A server, a client of it, and a fresh namespace. `server` is None for the real one."""

    def __init__(self, url: str, ca_pem: str, token: str, server: KubeServer | None) -> None:
        self.url, self.ca_pem, self.token, self.server = url, ca_pem, token, server
        self.namespace = f"test-{uuid.uuid4().hex[:8]}"
        self.client = self.connect()
        self._transport = Transport(url, Credentials(ca_pem, token))
        self._discovery = Discovery(self._transport)

    def connect(self, **options: Any) -> KubeClient:
        """Another client with short pauses."""
        return KubeClient(self.url, self.ca_pem, **{"token": self.token, "first_pause": 0.01, **options})

    async def raw(
        self, method: str, obj: Object, body: Any = None, *, content_type: str, sub: str = ""
    ) -> None:
        """A request as somebody else (kubectl, a controller) would send it."""
        resource = await self._discovery.find(obj["apiVersion"], obj["kind"])
        assert resource is not None
        path = resource.path(obj["metadata"].get("namespace"), obj["metadata"]["name"]) + sub
        query = {"fieldManager": "somebody"} if method == "PATCH" else None
        await self._transport.request(
            method, path, what="test", query=query, body=body, content_type=content_type, idempotent=False
        )

    async def set_status(self, obj: Object, status: Object) -> None:
        """Write a status as a controller or kubelet does."""
        if self.server is not None:
            metadata = obj["metadata"]
            await self.server.set_status(obj["kind"], metadata["name"], metadata.get("namespace", ""), status)
            return
        patch = {"status": status}
        await self.raw("PATCH", obj, patch, content_type="application/merge-patch+json", sub="/status")

    async def merge(self, obj: Object, patch: Object) -> None:
        """Change an object as somebody else."""
        await self.raw("PATCH", obj, patch, content_type="application/merge-patch+json")

    async def close(self) -> None:
        await self.client.close()
        await self._transport.close()


@asynccontextmanager
async def open_api(kind: str) -> AsyncIterator[Api]:
    """`in-process` or `v1.20.2`; skips the test when there is no real one on this machine."""
    if kind == "in-process":
        async with KubeServer(auto_ready=False) as server:
            api = Api(server.url, server.ca_pem, server.token, server)
            try:
                yield await _with_namespace(api)
            finally:
                await api.close()
        return
    if reason := real_apiserver.missing():
        pytest.skip(reason)
    found = real_apiserver.started()
    api = Api(found.url, found.ca_pem, found.token, None)
    try:
        yield await _with_namespace(api)
        await api.client.delete("v1", "Namespace", api.namespace)
    finally:
        await api.close()


async def _with_namespace(api: Api) -> Api:
    await api.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": api.namespace}})
    return api

"""Plain requests to a target's Kubernetes API, as any client may send them: every status is an answer."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

from tests.conformance.targets import Target
from tke_tui.core.adapters.kube_transport import Answer, Credentials, Transport

Object = dict[str, Any]
MERGE, STRATEGIC, APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
)
_ANY = frozenset(range(400, 600))


class Api:
    """Connections to a server; close it with `close`."""

    def __init__(self, url: str, ca_pem: str, token: str) -> None:
        self._transport = Transport(url, Credentials(ca_pem, token))

    @classmethod
    def of(cls, target: Target, *, host: str = "", token: str = "") -> Api:
        """That of a target with all rights; of another `host` (default: the first machine) or with another token."""
        secrets = target.services.secrets
        address = host or str(target.installation.para.first.ip)
        ca, own = secrets.require("cluster/ca.crt"), secrets.require("cluster/token")
        return cls(f"https://{address}:6443", ca, token or own)

    async def ask(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> Answer:
        """One request; `kind` is the content type."""
        return await self._transport.request(
            method, path, what="ask", query=query, body=body, content_type=kind, idempotent=False, accept=_ANY
        )

    async def good(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> Object:
        """The document that a request is answered with; it must go well."""
        answer = await self.ask(method, path, body, kind=kind, **query)
        assert answer.status in (200, 201, 202), answer
        return answer.json()

    async def watch(self, path: str, *, events: int, **query: str) -> list[tuple[str, Object]]:
        """The first `events` events of a watch, as (type, object)."""
        found: list[tuple[str, Object]] = []
        options = {"watch": "true", "timeoutSeconds": "20", **query}
        async with (
            asyncio.timeout(25),
            self._transport.stream(path, what="watch", query=options, read_timeout=25) as lines,
            aclosing(lines) as told,  # type: ignore[type-var]
        ):
            async for line in told:
                event = json.loads(line)
                found.append((event["type"], event["object"]))
                if len(found) == events:
                    break
        return found

    async def close(self) -> None:
        await self._transport.close()


def config_maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def names(objects: list[Object]) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]

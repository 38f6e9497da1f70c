"""Where an object lives: URL paths by apiVersion and kind, from the server's own discovery documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tke_tui.core.adapters.kube_transport import Transport

_ABSENT = frozenset({404})


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of one API version: its plural name in URLs and whether objects live in namespaces."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Path of the collection, or of one object. A namespaced kind without namespace means all of them."""
        parts = [group_path(self.api_version)]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=":"))
        return "/".join(parts)


def group_path(api_version: str) -> str:
    """`v1` -> `/api/v1`, `apps/v1` -> `/apis/apps/v1`."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class Discovery:
    """Kinds of the server, one request per API version; asked again when a kind is unknown."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, Resource]] = {}

    async def find(self, api_version: str, kind: str) -> Resource | None:
        """The resource, or None when the server does not (yet) serve it.

        Raises `ApiUnavailable` while the backend of an aggregated API is not up: its objects may well exist.
        """
        if kind not in self._known.get(api_version, {}):
            self._known[api_version] = await self._ask(api_version)
        return self._known[api_version].get(kind)

    async def _ask(self, api_version: str) -> dict[str, Resource]:
        answer = await self._transport.request(
            "GET", group_path(api_version), what=f"list the kinds of {api_version}", accept=_ABSENT
        )
        if answer.status == 404:
            return {}
        resources: list[dict[str, Any]] = answer.json().get("resources") or []
        return {
            r["kind"]: Resource(api_version, r["kind"], r["name"], bool(r["namespaced"]))
            for r in resources
            if "/" not in r["name"]
        }

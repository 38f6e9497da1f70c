"""Bring objects to a wished state: server-side apply, and create-or-patch where the server has no such thing."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from tke_tui.core.adapters.kube_errors import ApiUnavailable
from tke_tui.core.adapters.kube_paths import Discovery, Resource
from tke_tui.core.adapters.kube_transport import Answer, Transport
from tke_tui.core.adapters.kube_wait import label_of
from tke_tui.core.errors import Fatal

Object = dict[str, Any]
Get = Callable[[str, str, str, str | None], Awaitable[Object | None]]
Applied = Literal["created", "changed", "unchanged"]

FIELD_MANAGER = "tke-tui"

_WITHOUT_APPLY = frozenset({"apiregistration.k8s.io"})
"""API groups of the aggregator: until 1.20 it panics on an apply (it knows no schema), the connection just ends."""

_OWN_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
_EXISTS = frozenset({409})


class Applier:
    """`get` is `KubeClient.get`."""

    def __init__(self, transport: Transport, discovery: Discovery, get: Get) -> None:
        self._transport = transport
        self._discovery = discovery
        self._get = get

    async def apply(self, obj: Object) -> Applied:
        """See `KubeClient.apply`."""
        before = await self._live(obj)
        answer = await self._write(obj, before, dry_run=False)
        if answer.status == 201 or before is None:
            return "created"
        return "unchanged" if _essence(answer.json()) == _essence(before) else "changed"

    async def would_change(self, obj: Object) -> bool:
        """See `KubeClient.would_change`."""
        before = await self._live(obj)
        if before is None:
            return True
        answer = await self._write(obj, before, dry_run=True)
        return _essence(answer.json()) != _essence(before)

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind. Raises `ApiUnavailable` when the server does not serve it (yet)."""
        resource = await self._discovery.find(api_version, kind)
        if resource is None:
            raise ApiUnavailable(
                f"{self._transport.name} does not serve {kind} of {api_version}",
                detail="neither this Kubernetes version nor an APIService or CustomResourceDefinition offers it now",
                fix="Check that the component that brings it is installed and its APIService is available.",
            )
        return resource

    async def _live(self, obj: Object) -> Object | None:
        metadata = obj["metadata"]
        return await self._get(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))

    async def _write(self, obj: Object, before: Object | None, *, dry_run: bool) -> Answer:
        metadata, kind = obj["metadata"], obj["kind"]
        resource = await self.resource(obj["apiVersion"], kind)
        namespace = metadata.get("namespace")
        what = f"apply {label_of(kind, metadata['name'], namespace)}"
        if resource.namespaced and not namespace:
            raise Fatal(f"{kind} {metadata['name']} lacks a namespace", detail="it was about to be applied")
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        path = resource.path(namespace, metadata["name"])
        if obj["apiVersion"].partition("/")[0] not in _WITHOUT_APPLY:
            query["force"] = "true"
            return await self._transport.request(
                "PATCH", path, what=what, query=query, body=obj, content_type="application/apply-patch+yaml"
            )
        if before is None:
            created = await self._transport.request(
                "POST", resource.path(namespace), what=what, query=query, body=obj, accept=_EXISTS
            )
            if created.status not in _EXISTS:
                return created
            before = await self._live(obj) or {}
        return await self._transport.request(
            "PATCH",
            path,
            what=what,
            query=query,
            body=_replacing_spec(obj, before),
            content_type="application/merge-patch+json",
        )


def _replacing_spec(obj: Object, before: Object) -> Object:
    """A merge patch that also takes away what the live spec has and ours has not."""
    gone = dict.fromkeys(set(before.get("spec") or {}) - set(obj.get("spec") or {}))
    return {**obj, "spec": {**gone, **(obj.get("spec") or {})}}


def _essence(obj: Object) -> Object:
    """The object without its status and what only the server keeps book of."""
    result = copy.copy(obj)
    result.pop("status", None)
    result["metadata"] = {k: v for k, v in obj["metadata"].items() if k not in _OWN_BOOKKEEPING}
    return result

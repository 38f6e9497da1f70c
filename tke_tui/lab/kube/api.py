"""The requests of the Kubernetes API on a store: discovery, reading, writing, patching, watching.

Facts: Kubernetes 1.20 documentation, "API Overview", "Kubernetes API Concepts", "Server-Side Apply".
"""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tke_tui.lab.kube import admission, clusters, managed, openapi, patches
from tke_tui.lab.kube import kinds as discovery
from tke_tui.lab.kube.answers import (
    cannot_run,
    conflict,
    cut,
    deleted,
    exists,
    log_of,
    missing,
    not_applied,
    reviewed,
    send,
    status,
)
from tke_tui.lab.kube.kinds import KindTable, Object
from tke_tui.lab.kube.pages import Pages
from tke_tui.lab.kube.paths import RUNNING_SUBS, Resource, resource_of
from tke_tui.lab.kube.requests import (
    body_of,
    cannot_be_listed,
    has_selector,
    is_dry_run,
    manager_of,
    selected,
    type_of_change,
    wants_table,
)
from tke_tui.lab.kube.store import Key, Store, prepare
from tke_tui.lab.kube.tables import table

_DEFINITIONS = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_REVIEWS = tuple(f"/apis/authorization.k8s.io/v1/selfsubject{what}reviews" for what in ("access", "rules"))
_BAD_PATCH = "the server rejected our request due to an error in our request"


class KubeApi:
    """Answers requests. `served` gives the kinds that there are, `written` is told of each object that was written.

    `log_of(namespace, pod, container, previous)` gives a container's log lines, None when there is none.
    """

    def __init__(
        self,
        store: Store,
        *,
        served: Callable[[], Mapping[str, KindTable]],
        written: Callable[[Object], None],
        log_of: Callable[[str, str, str, bool], list[str] | None],
        deaf: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._pages = Pages(store)
        self._served = served
        self._written = written
        self._log_of = log_of
        self._deaf = deaf

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Everything but watches, which `watch` answers."""
        found = self._discover(request) or await self._about_the_server(request)
        if found is not None:
            return found
        resource = self.resource(request.path)
        if resource is None:
            return status(404, "the server could not find the requested resource")
        if resource.sub in RUNNING_SUBS:
            return cannot_run(resource.sub, resource.key, self._store.get(resource.key), resource.plural)
        if not resource.takes(request.method):
            return status(405, "the server does not allow this method on the requested resource")
        try:
            return await self._answer(request, resource)
        except admission.Refused as error:
            return status(error.code, error.message, reason=error.reason, details=error.details)
        except clusters.Refused as error:
            return status(422, str(error))

    async def _answer(self, request: web.Request, resource: Resource) -> web.StreamResponse:
        if not resource.name and (refusal := self.cannot_list(request)):
            return refusal
        match request.method:
            case "GET" if not resource.name:
                return self._list(request, resource)
            case "POST":
                return await self._create(request, resource)
            case "PUT":
                return await self._put(request, resource)
            case "PATCH":
                return await self._patch(request, resource)
            case "DELETE":
                return self._delete(request, resource)
        return self._get(request, resource)

    def resource(self, path: str) -> Resource | None:
        """What a path is about; None for a kind that is not there."""
        return resource_of(path, self._served())

    # --- discovery -------------------------------------------------------------------------------------------------

    def _discover(self, request: web.Request) -> web.Response | None:
        path = request.path.rstrip("/")
        if path == "/version":
            return web.json_response(discovery.VERSION)
        if path == "/api":
            return web.json_response(discovery.api_versions())
        served = self._served()
        if path == "/apis":
            return web.json_response(discovery.api_groups(served))
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in served:
            return web.json_response(discovery.resources(served, version))
        if path.startswith("/apis/") and (group := discovery.api_group(served, version)):
            return web.json_response(group)
        return None

    async def _about_the_server(self, request: web.Request) -> web.Response | None:
        if request.path in _REVIEWS:
            return reviewed(await body_of(request))
        if request.path != "/openapi/v2":
            return None
        as_protobuf = openapi.PROTOBUF in request.headers.get("Accept", "")
        make = openapi.document_protobuf if as_protobuf else openapi.document_json
        # The first time it takes long enough to hold up everything else.
        body = await asyncio.to_thread(make, self._served(), self._store.list(*_DEFINITIONS, None))
        return web.Response(
            body=body, content_type="application/octet-stream" if as_protobuf else "application/json"
        )

    def cannot_list(self, request: web.Request) -> web.Response | None:
        """The answer to a list or watch of nothing that can be chosen so."""
        resource = self.resource(request.path)
        why = cannot_be_listed(resource.kind, request) if resource is not None else ""
        return status(400, why) if why else None

    # --- reading ---------------------------------------------------------------------------------------------------

    def _list(self, request: web.Request, resource: Resource) -> web.Response:
        if request.query.get("continue"):
            page = self._pages.next(request)
        else:
            page = self._pages.first(request, [o for o in self._all(resource) if selected(o, request)])
        if isinstance(page, web.Response):
            return page
        metadata = page.metadata(counted=not has_selector(request))
        if wants_table(request):
            rows = table(resource.kind, page.items, page.version)
            return web.json_response({**rows, "metadata": metadata})
        answer = {"kind": f"{resource.kind}List", "apiVersion": resource.version}
        return web.json_response({**answer, "metadata": metadata, "items": _bare(page.items)})

    def _all(self, resource: Resource) -> list[Object]:
        return self._store.list(resource.version, resource.kind, resource.namespace)

    def _get(self, request: web.Request, resource: Resource) -> web.Response:
        live = self._store.get(resource.key)
        if resource.sub == "log":
            return log_of(request, resource.key, live, self._log_of)
        if live is None:
            return missing(resource.key, resource.plural)
        if resource.sub == "scale":
            return web.json_response(_scale(live))
        if wants_table(request):
            return web.json_response(table(resource.kind, [live], live["metadata"]["resourceVersion"]))
        return web.json_response(live)

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request, resource: Resource) -> web.Response:
        obj = admission.received(resource, await body_of(request))
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(random.choices(string.ascii_lowercase, k=5))  # noqa: S311
        admission.new(resource, obj)
        key = (*resource.key[:3], metadata["name"])
        if refusal := self._no_namespace(key):
            return refusal
        if self._store.get(key) is not None:
            return exists(key, resource.plural)
        obj = admission.filled(admission.apart(resource, None, obj), created=True)
        obj = managed.updated(None, obj, manager_of(request))
        if is_dry_run(request):
            return web.json_response(prepare(None, obj), status=201)
        return web.json_response(self._write(key, obj), status=201)

    async def _put(self, request: web.Request, resource: Resource) -> web.Response:
        obj, live = admission.received(resource, await body_of(request)), self._store.get(resource.key)
        admission.has_its_name(resource, obj)
        if live is None:
            return missing(resource.key, resource.plural)
        if _is_stale(obj, live):
            return conflict(resource.key, resource.plural)
        if resource.sub == "scale":
            live["spec"]["replicas"] = obj["spec"]["replicas"]
            return web.json_response(_scale(self._write(resource.key, live)))
        obj = managed.updated(live, self._given(resource, live, obj), manager_of(request))
        if is_dry_run(request):
            return web.json_response(prepare(live, obj))
        return web.json_response(self._write(resource.key, obj, controllers=resource.sub != "status"))

    async def _patch(self, request: web.Request, resource: Resource) -> web.Response:
        body, key = await body_of(request), resource.key
        if not isinstance(body, dict | list):
            return status(400, "the patch cannot be read")
        if refusal := self._no_namespace(key):
            return refusal
        live = self._store.get(key)
        is_apply = request.content_type == "application/apply-patch+yaml"
        if is_apply and resource.version.startswith("apiregistration.k8s.io/"):
            # The aggregator of 1.20 panics, and its client only sees the end of the connection.
            cut(request)
        if live is None and not is_apply:
            return missing(key, resource.plural)
        try:
            result = self._patched(request, resource, live, body)
        except patches.BadPatch:
            return status(422, _BAD_PATCH)
        except managed.Conflict as error:
            return not_applied(error)
        if isinstance(result, web.Response):
            return result
        if live is not None and isinstance(body, dict) and _is_stale(body, live):
            return conflict(key, resource.plural)
        result = self._given(resource, live, result)
        if live is not None and not is_apply and resource.sub != "scale":
            result = managed.updated(live, result, manager_of(request))
        if is_dry_run(request):
            return web.json_response(prepare(live, result), status=200 if live else 201)
        stored = self._write(key, result, controllers=resource.sub != "status")
        return web.json_response(
            _scale(stored) if resource.sub == "scale" else stored, status=200 if live else 201
        )

    def _given(self, resource: Resource, live: Object | None, obj: Object) -> Object:
        """What is to be in the place of `live`."""
        if resource.sub == "scale":
            return obj
        admission.has_its_name(resource, obj)
        if live is None:
            admission.new(resource, obj)
        elif not resource.sub:
            admission.changed(resource, live, obj)
        return admission.filled(admission.apart(resource, live, obj), created=live is None)

    def _patched(
        self, request: web.Request, resource: Resource, live: Object | None, body: Any
    ) -> Object | web.Response:
        match request.content_type:
            case "application/apply-patch+yaml":
                manager = request.query.get("fieldManager")
                if not manager:
                    said = "fieldManager: Required value: is required for apply patch"
                    return status(422, f'PatchOptions.meta.k8s.io "" is invalid: {said}')
                body = admission.received(resource, body)
                return managed.apply(live, body, manager, force=request.query.get("force") == "true")
            case "application/merge-patch+json":
                return dict(patches.merge(live, body))
            case "application/strategic-merge-patch+json":
                return dict(patches.strategic(live, body))
            case "application/json-patch+json":
                return patches.json_patch(live or {}, body)
            case other:
                return status(415, f"unsupported media type {other}")

    def _delete(self, request: web.Request, resource: Resource) -> web.Response:
        if not resource.name:
            gone = [o for o in self._all(resource) if selected(o, request)]
            for obj in gone:
                self._remove(obj)
            return web.json_response(
                {
                    "kind": f"{resource.kind}List",
                    "apiVersion": resource.version,
                    "metadata": {},
                    "items": _bare(gone),
                }
            )
        live = self._store.get(resource.key)
        if live is None:
            return missing(resource.key, resource.plural)
        if not is_dry_run(request):
            self._remove(live)
        return deleted(resource.key, resource.plural, live)

    def _remove(self, obj: Object) -> None:
        """Remove an object; whoever made it on behalf of another one hears of it."""
        self._store.remove(key_of(obj))
        for owner in obj["metadata"].get("ownerReferences") or ():
            namespace = obj["metadata"].get("namespace", "")
            if live := self._store.get((owner["apiVersion"], owner["kind"], namespace, owner["name"])):
                self._written(live)

    def _write(self, key: Key, obj: Object, *, controllers: bool = True) -> Object:
        stored = self._store.write(key, obj)
        if controllers:
            self._written(stored)
        return self._store.get(key) or stored

    def _no_namespace(self, key: Key) -> web.Response | None:
        if key[2] and self._store.get(("v1", "Namespace", "", key[2])) is None:
            return missing(("v1", "Namespace", "", key[2]), "namespaces")
        return None

    # --- watching --------------------------------------------------------------------------------------------------

    def is_watch(self, request: web.Request) -> bool:
        return request.method == "GET" and request.query.get("watch", "") in ("1", "true", "True")

    async def watch(self, request: web.Request, response: web.StreamResponse) -> None:
        """Send changes until the client goes away; the response is prepared by the caller."""
        resource = self.resource(request.path)
        assert resource is not None
        since = int(request.query.get("resourceVersion") or "0")
        as_table = wants_table(request)
        if since == 0:
            since = self._store.version
            for obj in self._all(resource):
                if selected(obj, request) and _is_named(obj, resource):
                    await send(response, "ADDED", _shown(obj, as_table))
        while True:
            if self._deaf():
                await asyncio.Event().wait()
            if since < self._store.oldest:
                gone = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410}
                message = f"too old resource version: {since} ({self._store.oldest})"
                await send(response, "ERROR", {**gone, "reason": "Expired", "message": message})
                return
            for change in [c for c in self._store.history if c.version > since]:
                since = change.version
                kind = type_of_change(change, request)
                if kind and self._concerns(change.obj, resource):
                    await send(response, kind, _shown(change.obj, as_table))
            await self._store.wait_beyond(since)

    def _concerns(self, obj: Object, resource: Resource) -> bool:
        here = (obj["apiVersion"], obj["kind"]) == (resource.version, resource.kind)
        inside = resource.namespace in (None, obj["metadata"].get("namespace", ""))
        return here and inside and _is_named(obj, resource)


def key_of(obj: Object) -> Key:
    return obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _bare(objects: list[Object]) -> list[Object]:
    """Items of a list, of which kind and version are told once."""
    return [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for obj in objects]


def _is_named(obj: Object, resource: Resource) -> bool:
    return resource.name in ("", obj["metadata"]["name"])


def _shown(obj: Object, as_table: bool) -> Object:
    return table(obj["kind"], [obj], obj["metadata"]["resourceVersion"]) if as_table else obj


def _is_stale(obj: Object, live: Object) -> bool:
    given = obj.get("metadata", {}).get("resourceVersion")
    return bool(given) and given != live["metadata"]["resourceVersion"]


def _scale(obj: Object) -> Object:
    metadata = {n: obj["metadata"].get(n) for n in ("name", "namespace", "uid", "resourceVersion")}
    replicas = obj.get("spec", {}).get("replicas", 1)
    labels = (obj.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    counted = {"replicas": obj.get("status", {}).get("replicas", 0), "selector": selector}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": replicas},
        "status": counted,
    }

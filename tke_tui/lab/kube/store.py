"""Storage of the in-process Kubernetes API: versions, field ownership by manager, a history for watches."""

from __future__ import annotations

import asyncio
import copy
import datetime
import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str, str]
"""(apiVersion, kind, namespace, name)"""

RBAC = "rbac.authorization.k8s.io/v1"
KINDS: dict[str, dict[str, tuple[str, bool]]] = {
    "v1": {
        "ConfigMap": ("configmaps", True),
        "Endpoints": ("endpoints", True),
        "Event": ("events", True),
        "Namespace": ("namespaces", False),
        "Node": ("nodes", False),
        "Pod": ("pods", True),
        "Secret": ("secrets", True),
        "Service": ("services", True),
        "ServiceAccount": ("serviceaccounts", True),
    },
    "apps/v1": {
        "DaemonSet": ("daemonsets", True),
        "Deployment": ("deployments", True),
        "ReplicaSet": ("replicasets", True),
        "StatefulSet": ("statefulsets", True),
    },
    RBAC: {
        "ClusterRole": ("clusterroles", False),
        "ClusterRoleBinding": ("clusterrolebindings", False),
        "Role": ("roles", True),
        "RoleBinding": ("rolebindings", True),
    },
    "apiregistration.k8s.io/v1": {"APIService": ("apiservices", False)},
    "storage.k8s.io/v1": {"StorageClass": ("storageclasses", False), "CSIDriver": ("csidrivers", False)},
    "policy/v1beta1": {"PodDisruptionBudget": ("poddisruptionbudgets", True)},
    "networking.k8s.io/v1": {"Ingress": ("ingresses", True), "NetworkPolicy": ("networkpolicies", True)},
}

AGGREGATED: dict[str, dict[str, tuple[str, bool]]] = {
    "platform.tkestack.io/v1": {
        "Cluster": ("clusters", False),
        "ClusterCredential": ("clustercredentials", False),
        "Machine": ("machines", False),
    },
}
"""Kinds of the platform's own API servers, known once an APIService leads to them."""


@dataclass(frozen=True)
class Change:
    """One entry of the history: `type` is ADDED, MODIFIED or DELETED, `obj` the object as it was then."""

    version: int
    type: str
    obj: Object


@dataclass
class Store:
    """All objects of one API server."""

    objects: dict[Key, Object] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    version: int = 1
    oldest: int = 0
    """Watches from a version below this one are answered with 410."""
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)
    _addresses: Any = field(default_factory=lambda: itertools.count(20))

    def get(self, key: Key) -> Object | None:
        found = self.objects.get(key)
        return copy.deepcopy(found) if found is not None else None

    def list(self, api_version: str, kind: str, namespace: str | None) -> list[Object]:
        keys = sorted(k for k in self.objects if k[:2] == (api_version, kind) and namespace in (None, k[2]))
        return [copy.deepcopy(self.objects[key]) for key in keys]

    def write(self, key: Key, obj: Object) -> Object:
        """Store `obj` under a new version, unless it equals what is there."""
        before = self.objects.get(key)
        after = prepare(before, obj)
        if before is not None and _bare(before) == _bare(after):
            return copy.deepcopy(before)
        self.version += 1
        after["metadata"]["resourceVersion"] = str(self.version)
        if key[1] == "Service" and not after["spec"].get("clusterIP"):
            after["spec"]["clusterIP"] = f"10.96.0.{next(self._addresses)}"
        self.objects[key] = after
        self._tell(Change(self.version, "ADDED" if before is None else "MODIFIED", copy.deepcopy(after)))
        return copy.deepcopy(after)

    def remove(self, key: Key) -> Object | None:
        gone = self.objects.pop(key, None)
        if gone is not None:
            self.version += 1
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._tell(Change(self.version, "DELETED", copy.deepcopy(gone)))
        return gone

    def forget(self) -> None:
        """Forget the history, as the API server does after some minutes: older watches get 410."""
        self.version += 1
        self.oldest = self.version

    async def wait_beyond(self, version: int) -> None:
        """Until there is a change with a higher version; at once when there is one already."""
        while not self.history or self.history[-1].version <= version:
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(told)
            try:
                await told
            finally:
                self._waiting.discard(told)

    def _tell(self, change: Change) -> None:
        self.history.append(change)
        for told in self._waiting:
            if not told.done():
                told.set_result(None)


def prepare(before: Object | None, obj: Object) -> Object:
    """What the server adds on its own: uid, creation time, generation (grows with the spec), a kept status."""
    after = copy.deepcopy(obj)
    metadata = after["metadata"]
    if before is None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", now)
        generation = 1
    else:
        for name in ("uid", "creationTimestamp"):
            metadata[name] = before["metadata"][name]
        generation = int(before["metadata"].get("generation") or 1)
        if before.get("spec") != after.get("spec"):
            generation += 1
    if "spec" in after:
        metadata["generation"] = generation
    return after


def _bare(obj: Object) -> Object:
    result = copy.deepcopy(obj)
    result["metadata"].pop("resourceVersion", None)
    return result


def apply(live: Object | None, applied: Object, manager: str) -> Object:
    """Server-side apply: merge `applied`, take out what this manager had applied before and leaves out now.

    Lists whose items have names are merged by name, others are replaced. The managed fields keep the whole applied
    object instead of a set of paths; nobody but this function reads them.
    """
    managers = copy.deepcopy((live or {}).get("metadata", {}).get("managedFields") or [])
    mine = next((m for m in managers if m["manager"] == manager and m["operation"] == "Apply"), None)
    result: Object = copy.deepcopy(live) if live is not None else {}
    if mine is not None:
        result = _without(result, mine["applied"], applied)
    result = merge(result, applied)
    entry = {"manager": manager, "operation": "Apply", "applied": copy.deepcopy(applied)}
    others = [m for m in managers if m is not mine]
    result["metadata"]["managedFields"] = [*others, entry]
    return result


def merge(base: Any, patch: Any, *, null_deletes: bool = False) -> Any:
    """Deep merge; with `null_deletes` null removes a key (JSON merge patch of objects)."""
    if isinstance(base, dict) and isinstance(patch, dict):
        result = dict(base)
        for key, value in patch.items():
            if value is None and null_deletes:
                result.pop(key, None)
            else:
                result[key] = merge(base.get(key), value, null_deletes=null_deletes)
        return result
    if not null_deletes and _named(base) and _named(patch):
        by_name = {item["name"]: item for item in base}
        for item in patch:
            by_name[item["name"]] = merge(by_name.get(item["name"]), item)
        return list(by_name.values())
    return copy.deepcopy(patch)


def _without(base: Any, earlier: Any, now: Any) -> Any:
    """`base` less what is in `earlier` but not in `now`."""
    if isinstance(base, dict) and isinstance(earlier, dict) and isinstance(now, dict):
        result = {}
        for key, value in base.items():
            if key in earlier and key not in now:
                continue
            result[key] = _without(value, earlier[key], now[key]) if key in earlier else value
        return result
    if _named(base) and _named(earlier) and _named(now):
        old, new = ({item["name"]: item for item in side} for side in (earlier, now))
        kept = [item for item in base if item["name"] not in old or item["name"] in new]
        return [
            _without(item, old[item["name"]], new[item["name"]]) if item["name"] in old else item
            for item in kept
        ]
    return base


def _named(value: Any) -> bool:
    return bool(isinstance(value, list) and value and all(isinstance(i, dict) and "name" in i for i in value))


def matches(obj: Object, label_selector: str, field_selector: str) -> bool:
    """Whether an object fits selectors of the forms `a=b`, `a in (b,c)`, `a`, joined by commas."""
    labels = obj["metadata"].get("labels") or {}
    for term in _terms(label_selector):
        if " in (" in term:
            key, _, values = term.partition(" in (")
            if labels.get(key) not in values.rstrip(")").split(","):
                return False
        elif "=" in term:
            key, _, value = term.partition("=")
            if labels.get(key.rstrip("=")) != value.lstrip("="):
                return False
        elif term not in labels:
            return False
    for term in _terms(field_selector):
        path, _, value = term.partition("=")
        current: Any = obj
        for part in path.split("."):
            current = current.get(part, {}) if isinstance(current, dict) else {}
        if current != value:
            return False
    return True


def _terms(selector: str) -> list[str]:
    terms, depth, start = [], 0, 0
    for position, letter in enumerate(selector):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            terms.append(selector[start:position])
            start = position + 1
    terms.append(selector[start:])
    return [term for term in terms if term]


def ready_status(obj: Object, nodes: int = 1) -> Object:
    """The status of a completely rolled out workload."""
    generation = obj["metadata"].get("generation", 1)
    if obj["kind"] == "DaemonSet":
        names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")
        return {"observedGeneration": generation} | dict.fromkeys(
            (*names, "numberAvailable", "numberReady"), nodes
        )
    replicas = obj["spec"].get("replicas", 1)
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = {"observedGeneration": generation} | dict.fromkeys(counts, replicas)
    if obj["kind"] == "StatefulSet":
        status |= {"currentRevision": "r1", "updateRevision": "r1"}
    return status


def json_patch(live: Object, operations: list[Object]) -> Object:
    for operation in operations:
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        target: Any = live
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]
        if operation["op"] == "remove":
            del target[last]
        elif isinstance(target, list):
            target.insert(len(target) if last == "-" else int(last), operation["value"])
        else:
            target[last] = operation["value"]
    return live


def api_service_status(*, available: bool) -> Object:
    """The status of an APIService; the condition that counts is not the first one."""
    conditions = [
        {"type": "Other", "status": "True"},
        {
            "type": "Available",
            "status": "True" if available else "False",
            "reason": "Passed" if available else "FailedDiscoveryCheck",
            "message": "" if available else "no response from the service",
        },
    ]
    return {"conditions": conditions}

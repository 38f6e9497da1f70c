"""What `kubectl get` prints: the server makes the columns (KEP-515, "server-side get")."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from tke_tui.lab.kube.kinds import Object

Row = Callable[[Object], Sequence[Any]]
_ROLE = "node-role.kubernetes.io/"


def table(
    kind: str, objects: Sequence[Object], version: str, *, now: datetime.datetime | None = None
) -> Object:
    """A meta.k8s.io/v1 Table of objects of one kind; `version` is the list's resourceVersion."""
    moment = now or datetime.datetime.now(datetime.UTC)
    columns, row = _COLUMNS.get(kind, ((), lambda obj: ()))
    names = ("Name", *columns, "Age")
    definitions = [
        {
            "name": name,
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": 0,
        }
        for name in names
    ]
    rows = [
        {
            "cells": [obj["metadata"]["name"], *row(obj), _age(obj, moment)],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": obj["metadata"],
            },
        }
        for obj in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _age(obj: Object, now: datetime.datetime) -> str:
    made = obj["metadata"].get("creationTimestamp")
    if made is None:
        return "<unknown>"
    seconds = int((now - datetime.datetime.fromisoformat(made)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _node(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    ready = "Ready" if _condition(obj, "Ready") == "True" else "NotReady"
    if obj.get("spec", {}).get("unschedulable"):
        ready += ",SchedulingDisabled"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(name.removeprefix(_ROLE) for name in labels if name.startswith(_ROLE))
    version = status.get("nodeInfo", {}).get("kubeletVersion", "")
    return ready, ",".join(roles) or "<none>", version


def _pod(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    containers = obj.get("spec", {}).get("containers", [])
    states = status.get("containerStatuses", [])
    ready = sum(1 for state in states if state.get("ready")) if states else 0
    if not states and _condition(obj, "Ready") == "True":
        ready = len(containers)
    restarts = sum(int(state.get("restartCount", 0)) for state in states)
    waiting = [s["state"]["waiting"]["reason"] for s in states if "waiting" in s.get("state", {})]
    word = waiting[0] if waiting else status.get("phase", "Unknown")
    return f"{ready}/{len(containers)}", word, restarts


def _deployment(obj: Object) -> Sequence[Any]:
    status, replicas = obj.get("status", {}), obj.get("spec", {}).get("replicas", 1)
    ready = status.get("readyReplicas", 0)
    return f"{ready}/{replicas}", status.get("updatedReplicas", 0), status.get("availableReplicas", 0)


def _stateful_set(obj: Object) -> Sequence[Any]:
    return (f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj.get('spec', {}).get('replicas', 1)}",)


def _replica_set(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    return obj.get("spec", {}).get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)


def _daemon_set(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [status.get(name, 0) for name in names]


def _service(obj: Object) -> Sequence[Any]:
    spec = obj.get("spec", {})
    ports = ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in spec.get("ports", ()))
    return spec.get("type", "ClusterIP"), spec.get("clusterIP", "<none>"), "<none>", ports


def _api_service(obj: Object) -> Sequence[Any]:
    service = obj.get("spec", {}).get("service")
    where = f"{service['namespace']}/{service['name']}" if service else "Local"
    return where, _condition(obj, "Available") or "Unknown"


def _condition(obj: Object, kind: str) -> str:
    conditions = obj.get("status", {}).get("conditions", ())
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


_COLUMNS: dict[str, tuple[tuple[str, ...], Row]] = {
    "APIService": (("Service", "Available"), _api_service),
    "ConfigMap": (("Data",), lambda obj: (len(obj.get("data") or {}),)),
    "DaemonSet": (("Desired", "Current", "Ready", "Up-to-date", "Available"), _daemon_set),
    "Deployment": (("Ready", "Up-to-date", "Available"), _deployment),
    "Namespace": (("Status",), lambda obj: (obj.get("status", {}).get("phase", "Active"),)),
    "Node": (("Status", "Roles", "Version"), _node),
    "Pod": (("Ready", "Status", "Restarts"), _pod),
    "ReplicaSet": (("Desired", "Current", "Ready"), _replica_set),
    "Secret": (
        ("Type", "Data"),
        lambda obj: (obj.get("type", "Opaque"), len(obj.get("data") or {})),
    ),
    "Service": (("Type", "Cluster-IP", "External-IP", "Port(s)"), _service),
    "StatefulSet": (("Ready",), _stateful_set),
}

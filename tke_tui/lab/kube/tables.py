"""What `kubectl get` prints: the server makes the columns (KEP-515, "server-side get")."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tke_tui.lab.kube.kinds import Object

Row = Callable[[Object], Sequence[Any]]
_ROLE = "node-role.kubernetes.io/"
_NONE = "<none>"


@dataclass(frozen=True)
class Columns:
    """Columns of a kind beside its name, in order; `Age` is filled in by itself. `wide` ones come with `-o wide`."""

    names: tuple[str, ...] = ("Age",)
    row: Row = lambda obj: ()
    wide: tuple[str, ...] = ()
    wide_row: Row = lambda obj: ()


def table(
    kind: str, objects: Sequence[Object], version: str, *, now: datetime.datetime | None = None
) -> Object:
    """A meta.k8s.io/v1 Table of objects of one kind; `version` is the list's resourceVersion."""
    moment = now or datetime.datetime.now(datetime.UTC)
    columns = _COLUMNS.get(kind, Columns())
    definitions = [
        {
            "name": name,
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": int(name in columns.wide),
        }
        for name in ("Name", *columns.names, *columns.wide)
    ]
    rows = [
        {
            "cells": [obj["metadata"]["name"], *_cells(columns, obj, moment), *columns.wide_row(obj)],
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


def _cells(columns: Columns, obj: Object, now: datetime.datetime) -> list[Any]:
    given = iter(columns.row(obj))
    return [_age(obj, now) if name == "Age" else next(given) for name in columns.names]


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
    return ready, ",".join(roles) or _NONE, version


def _pod(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    containers = obj.get("spec", {}).get("containers", [])
    states = status.get("containerStatuses", [])
    ready = sum(1 for state in states if state.get("ready")) if states else 0
    if not states and _condition(obj, "Ready") == "True":
        ready = len(containers)
    restarts = sum(int(state.get("restartCount", 0)) for state in states)
    waiting = [s["state"]["waiting"]["reason"] for s in states if "waiting" in s.get("state", {})]
    word = waiting[0] if waiting else status.get("phase", "Pending")
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
    return spec.get("type", "ClusterIP"), spec.get("clusterIP", _NONE), _NONE, ports


def _api_service(obj: Object) -> Sequence[Any]:
    service = obj.get("spec", {}).get("service")
    where = f"{service['namespace']}/{service['name']}" if service else "Local"
    return where, _condition(obj, "Available") or "Unknown"


def _condition(obj: Object, kind: str) -> str:
    conditions = obj.get("status", {}).get("conditions", ())
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


def _node_wide(obj: Object) -> Sequence[Any]:
    status = obj.get("status", {})
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    info = status.get("nodeInfo", {})
    names = ("osImage", "kernelVersion", "containerRuntimeVersion")
    return [
        addresses.get("InternalIP", _NONE),
        addresses.get("ExternalIP", _NONE),
        *(info.get(name, "<unknown>") for name in names),
    ]


def _pod_wide(obj: Object) -> Sequence[Any]:
    status, spec = obj.get("status", {}), obj.get("spec", {})
    ready = len(spec.get("readinessGates", ()))
    return (
        status.get("podIP") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        f"{ready}/{ready}" if ready else _NONE,
    )


def _images(obj: Object) -> Sequence[Any]:
    containers = _pod_spec(obj).get("containers", ())
    return [",".join(c.get(name, "") for c in containers) for name in ("name", "image")]


def _images_and_selector(obj: Object) -> Sequence[Any]:
    return *_images(obj), _pairs((obj.get("spec", {}).get("selector") or {}).get("matchLabels"))


def _pod_spec(obj: Object) -> Object:
    return dict(obj.get("spec", {}).get("template", {}).get("spec") or {})


def _pairs(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or _NONE


def _event(obj: Object) -> Sequence[Any]:
    about = obj.get("involvedObject", {})
    where = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    return obj.get("type", ""), obj.get("reason", ""), where, obj.get("message", "")


_WORKLOAD = ("Containers", "Images", "Selector")
_COLUMNS: dict[str, Columns] = {
    "APIService": Columns(("Service", "Available", "Age"), _api_service),
    "ConfigMap": Columns(("Data", "Age"), lambda obj: (len(obj.get("data") or {}),)),
    "DaemonSet": Columns(
        ("Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"),
        lambda obj: (*_daemon_set(obj), _pairs(_pod_spec(obj).get("nodeSelector"))),
        _WORKLOAD,
        _images_and_selector,
    ),
    "Deployment": Columns(
        ("Ready", "Up-to-date", "Available", "Age"), _deployment, _WORKLOAD, _images_and_selector
    ),
    "Event": Columns(("Age", "Type", "Reason", "Object", "Message"), _event),
    "Namespace": Columns(("Status", "Age"), lambda obj: (obj.get("status", {}).get("phase", "Active"),)),
    "Node": Columns(
        ("Status", "Roles", "Age", "Version"),
        _node,
        ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        _node_wide,
    ),
    "Pod": Columns(
        ("Ready", "Status", "Restarts", "Age"),
        _pod,
        ("IP", "Node", "Nominated Node", "Readiness Gates"),
        _pod_wide,
    ),
    "ReplicaSet": Columns(
        ("Desired", "Current", "Ready", "Age"), _replica_set, _WORKLOAD, _images_and_selector
    ),
    "Secret": Columns(
        ("Type", "Data", "Age"), lambda obj: (obj.get("type", "Opaque"), len(obj.get("data") or {}))
    ),
    "Service": Columns(
        ("Type", "Cluster-IP", "External-IP", "Port(s)", "Age"),
        _service,
        ("Selector",),
        lambda obj: (_pairs(obj.get("spec", {}).get("selector")),),
    ),
    "StatefulSet": Columns(("Ready", "Age"), _stateful_set, ("Containers", "Images"), _images),
}

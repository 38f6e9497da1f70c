"""The pods of workloads in the embedded lab: made at once, running at once, spread over the nodes."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.store import Store

HOSTNAME = "kubernetes.io/hostname"
_MADE_OF = ("DaemonSet", "Deployment", "StatefulSet")


def sync_pods(store: Store, workload: Object) -> None:
    """Make the pods of an apps/v1 workload what it asks for; those of an earlier template go.

    A pod by itself is begun when it is not yet.
    """
    if (workload["apiVersion"], workload["kind"]) == ("v1", "Pod"):
        _begin(store, workload)
    if workload["apiVersion"] != "apps/v1" or workload["kind"] not in _MADE_OF:
        return
    namespace = workload["metadata"]["namespace"]
    wanted = {pod["metadata"]["name"]: pod for pod in _pods(store, workload)}
    uid = workload["metadata"]["uid"]
    for pod in store.view("v1", "Pod", namespace):
        owners = pod["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == uid for owner in owners) and pod["metadata"]["name"] not in wanted:
            store.remove(("v1", "Pod", namespace, pod["metadata"]["name"]))
    for name, pod in wanted.items():
        if ("v1", "Pod", namespace, name) not in store.objects:
            store.write(("v1", "Pod", namespace, name), pod)


def _begin(store: Store, pod: Object) -> None:
    """A pod that nobody has run so far runs on the first node that takes pods."""
    nodes = _nodes(store)
    if (pod.get("status") or {}).get("phase") or not nodes:
        return
    metadata, spec = pod["metadata"], pod["spec"]
    running = {**pod, "spec": {**spec, "nodeName": spec.get("nodeName") or nodes[0]}}
    running["status"] = _running(spec, running["spec"]["nodeName"])
    store.write(("v1", "Pod", metadata["namespace"], metadata["name"]), running)


def _nodes(store: Store, *, all_of_them: bool = False) -> list[str]:
    """Names of nodes; those that are cordoned only where that does not matter."""
    nodes = store.list("v1", "Node", None)
    return [
        node["metadata"]["name"]
        for node in nodes
        if all_of_them or not (node.get("spec") or {}).get("unschedulable")
    ]


def add_daemon(store: Store, daemon_set: Object, node: str) -> None:
    """Give a new node its pod of a DaemonSet."""
    if _may_run_on(node, daemon_set["spec"].get("template") or {}):
        pod = _daemon(daemon_set, node)
        store.write(("v1", "Pod", daemon_set["metadata"]["namespace"], pod["metadata"]["name"]), pod)


def _pods(store: Store, workload: Object) -> list[Object]:
    kind, metadata, spec = workload["kind"], workload["metadata"], workload["spec"]
    template = spec.get("template") or {}
    nodes = [n for n in _nodes(store, all_of_them=kind == "DaemonSet") if _may_run_on(n, template)]
    if kind == "DaemonSet":
        return [_daemon(workload, node) for node in nodes]
    mark = _mark(template)
    pods = []
    for number in range(spec.get("replicas", 1) if nodes else 0):
        own = hashlib.sha256(f"{mark}{number}".encode()).hexdigest()[:5]
        ending = str(number) if kind == "StatefulSet" else f"{mark[:10]}-{own}"
        pods.append(_pod(workload, template, f"{metadata['name']}-{ending}", nodes[number % len(nodes)]))
    return pods


def _daemon(workload: Object, node: str) -> Object:
    """The pod of a DaemonSet on a node: its name stays when other nodes come and go."""
    template = workload["spec"].get("template") or {}
    own = hashlib.sha256(f"{_mark(template)}{node}".encode()).hexdigest()[:5]
    return _pod(workload, template, f"{workload['metadata']['name']}-{own}", node)


def _mark(template: Object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()


def _may_run_on(node: str, template: Object) -> bool:
    return (template.get("spec") or {}).get("nodeSelector", {}).get(HOSTNAME) in (None, node)


def _pod(workload: Object, template: Object, name: str, node: str) -> Object:
    metadata = workload["metadata"]
    owner = {
        "apiVersion": workload["apiVersion"],
        "kind": workload["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    spec: dict[str, Any] = {**(template.get("spec") or {}), "nodeName": node}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": (template.get("metadata") or {}).get("labels", {}),
            "ownerReferences": [owner],
        },
        "spec": spec,
        "status": _running(spec, node),
    }


def _running(spec: Object, node: str) -> Object:
    """The status of a pod all of whose containers run."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    states = [
        {
            "name": container["name"],
            "image": container.get("image", ""),
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        for container in spec.get("containers", ())
    ]
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": states,
        "hostIP": node,
        "startTime": now,
    }

"""The pods of workloads in the embedded lab: made at once, running at once, spread over the nodes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.store import Store

HOSTNAME = "kubernetes.io/hostname"
_MADE_OF = ("DaemonSet", "Deployment", "StatefulSet")


def sync_pods(store: Store, workload: Object) -> None:
    """Make the pods of an apps/v1 workload what it asks for; those of an earlier template go."""
    if workload["apiVersion"] != "apps/v1" or workload["kind"] not in _MADE_OF:
        return
    namespace = workload["metadata"]["namespace"]
    wanted = {pod["metadata"]["name"]: pod for pod in _pods(store, workload)}
    uid = workload["metadata"]["uid"]
    for pod in store.list("v1", "Pod", namespace):
        owners = pod["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == uid for owner in owners) and pod["metadata"]["name"] not in wanted:
            store.remove(("v1", "Pod", namespace, pod["metadata"]["name"]))
    for name, pod in wanted.items():
        if ("v1", "Pod", namespace, name) not in store.objects:
            store.write(("v1", "Pod", namespace, name), pod)


def _pods(store: Store, workload: Object) -> list[Object]:
    kind, metadata, spec = workload["kind"], workload["metadata"], workload["spec"]
    template = spec.get("template") or {}
    nodes = [node["metadata"]["name"] for node in store.list("v1", "Node", None)]
    chosen = (template.get("spec") or {}).get("nodeSelector", {}).get(HOSTNAME)
    nodes = [node for node in nodes if chosen in (None, node)]
    if not nodes:
        return []
    mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
    count = len(nodes) if kind == "DaemonSet" else spec.get("replicas", 1)
    pods = []
    for number in range(count):
        own = hashlib.sha256(f"{mark}{number}".encode()).hexdigest()[:5]
        name = {
            "DaemonSet": f"{metadata['name']}-{own}",
            "StatefulSet": f"{metadata['name']}-{number}",
            "Deployment": f"{metadata['name']}-{mark[:10]}-{own}",
        }[kind]
        pods.append(_pod(workload, template, name, nodes[number % len(nodes)]))
    return pods


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
    states = [
        {"name": container["name"], "ready": True, "restartCount": 0, "state": {"running": {}}}
        for container in spec.get("containers", ())
    ]
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
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": states,
            "hostIP": node,
        },
    }

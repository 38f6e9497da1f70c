"""When is a workload rolled out? Pure functions of the object, by the rules of `kubectl rollout status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
API_VERSION = "apps/v1"


def rolled_out(kind: str) -> Callable[[Object | None], bool | str]:
    """The test for a Deployment, DaemonSet or StatefulSet: True, or what is still missing as text."""
    test = {"Deployment": _deployment, "DaemonSet": _daemon_set, "StatefulSet": _stateful_set}[kind]

    def ready(workload: Object | None) -> bool | str:
        if workload is None:
            return "it does not exist"
        observed = int(_status(workload).get("observedGeneration") or 0)
        if observed < int(workload["metadata"].get("generation") or 0):
            return "its controller has not yet seen the latest change (does kube-controller-manager run?)"
        return test(workload) or True

    return ready


def _deployment(workload: Object) -> str:
    wanted, status = _replicas(workload), _status(workload)
    for condition in status.get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"pods cannot be created: {condition.get('message', condition.get('reason', ''))}"
    if (updated := _count(status, "updatedReplicas")) < wanted:
        return f"{updated} of {wanted} new pods are created"
    if (old := _count(status, "replicas") - updated) > 0:
        return f"{old} old pods are still there"
    if (available := _count(status, "availableReplicas")) < updated:
        return f"{available} of {updated} pods are available"
    return ""


def _daemon_set(workload: Object) -> str:
    status = _status(workload)
    wanted = _count(status, "desiredNumberScheduled")
    on_delete = workload["spec"].get("updateStrategy", {}).get("type") == "OnDelete"
    if not on_delete and (updated := _count(status, "updatedNumberScheduled")) < wanted:
        return f"new pods run on {updated} of {wanted} nodes"
    if (available := _count(status, "numberAvailable")) < wanted:
        return f"pods are available on {available} of {wanted} nodes"
    return ""


def _stateful_set(workload: Object) -> str:
    wanted, status = _replicas(workload), _status(workload)
    if (ready := _count(status, "readyReplicas")) < wanted:
        return f"{ready} of {wanted} pods are ready"
    strategy = workload["spec"].get("updateStrategy", {})
    if strategy.get("type") == "OnDelete":
        return ""
    updated = _count(status, "updatedReplicas")
    if partition := int(strategy.get("rollingUpdate", {}).get("partition") or 0):
        return f"{updated} new pods are created" if updated < wanted - partition else ""
    if status.get("updateRevision") != status.get("currentRevision"):
        return f"{updated} of {wanted} pods have the new revision"
    return ""


def _status(workload: Object) -> Object:
    status: Object = workload.get("status") or {}
    return status


def _replicas(workload: Object) -> int:
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _count(status: Object, name: str) -> int:
    return int(status.get(name) or 0)


def selector_text(selector: Object) -> str:
    """A LabelSelector as the text that list requests take, e.g. `app=galaxy,tier in (a,b)`."""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(expression.get("values") or [])
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[expression["operator"]]
        )
    return ",".join(terms)

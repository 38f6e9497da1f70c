"""Values that the API server gives to fields which are left out: of pods, of what makes pods, and of services.

Fact: `SetDefaults_...` and the strategies of Kubernetes 1.20; a contract test compares with a real server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tke_tui.lab.kube.kinds import Object

_POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_GET = {"path": "/", "scheme": "HTTP"}
_ROLLING = {"maxSurge": "25%", "maxUnavailable": "25%"}
_FILES = {"defaultMode": 0o644}
_VOLUMES: dict[str, Object] = {
    "configMap": _FILES,
    "downwardAPI": _FILES,
    "hostPath": {"type": ""},
    "projected": {"defaultMode": 0o644, "sources": []},
    "secret": _FILES,
}
_WORKLOADS: dict[str, Object] = {
    "DaemonSet": {
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    },
    "Deployment": {
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _ROLLING},
    },
    "ReplicaSet": {"replicas": 1},
    "StatefulSet": {
        "podManagementPolicy": "OrderedReady",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    },
}


def defaulted(obj: Object) -> Object:
    """An object with these values where it has none."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return obj
    match obj["apiVersion"], obj["kind"]:
        case "apps/v1", kind if kind in _WORKLOADS:
            return {**obj, "spec": _workload(spec, _WORKLOADS[kind])}
        case "v1", "Pod":
            pod = {"enableServiceLinks": True, **_pod(spec)}
            return {**obj, "spec": pod}
        case "v1", "Service":
            return {**obj, "spec": _service(spec)}
    return obj


def _with(value: Object, defaults: Mapping[str, Any]) -> Object:
    """`value` with what it lacks, also inside of maps that it has."""
    found = {**value}
    for name, default in defaults.items():
        if isinstance(default, dict) and isinstance(found.get(name), dict):
            same = found[name].get("type", default.get("type")) == default.get("type")
            found[name] = _with(found[name], default) if same else found[name]
        elif found.get(name) is None:
            found[name] = default
    return found


def _workload(spec: Object, defaults: Object) -> Object:
    found = _with(spec, defaults)
    template = spec.get("template") or {}
    if "spec" in template:
        found["template"] = {**template, "spec": _pod(template["spec"])}
    return found


def _pod(spec: Object) -> Object:
    found = _with(spec, {**_POD, "securityContext": {}})
    shared = bool(spec.get("hostNetwork"))
    for name in ("containers", "initContainers"):
        if spec.get(name):
            found[name] = [_container(container, shared) for container in spec[name]]
    if spec.get("volumes"):
        found["volumes"] = [_volume(volume) for volume in spec["volumes"]]
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        found |= {"serviceAccount": account, "serviceAccountName": account}
    return found


def _container(container: Object, on_the_host: bool) -> Object:
    found = _with(
        container, {**_CONTAINER, "imagePullPolicy": _pull(container.get("image", "")), "resources": {}}
    )
    if container.get("ports"):
        found["ports"] = [
            {**({"hostPort": port.get("containerPort")} if on_the_host else {}), "protocol": "TCP", **port}
            for port in container["ports"]
        ]
    for name in _PROBES:
        if container.get(name):
            found[name] = _probe(container[name])
    if container.get("env"):
        found["env"] = [_variable(variable) for variable in container["env"]]
    return found


def _pull(image: str) -> str:
    name = image.rpartition("/")[2]
    _, _, tag = name.partition(":")
    return "IfNotPresent" if "@" in name or tag not in ("", "latest") else "Always"


def _probe(probe: Object) -> Object:
    found = _with(probe, _PROBE)
    if probe.get("httpGet"):
        found["httpGet"] = {**_GET, **probe["httpGet"]}
    return found


def _variable(variable: Object) -> Object:
    source = variable.get("valueFrom") or {}
    if "fieldRef" not in source:
        return variable
    return {**variable, "valueFrom": {**source, "fieldRef": {"apiVersion": "v1", **source["fieldRef"]}}}


def _volume(volume: Object) -> Object:
    for name, default in _VOLUMES.items():
        if isinstance(volume.get(name), dict):
            return {**volume, name: _with(volume[name], default)}
    return volume


def _service(spec: Object) -> Object:
    found = _with(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec.get("ports"):
        found["ports"] = [
            {"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec["ports"]
        ]
    if found["type"] in ("LoadBalancer", "NodePort"):
        found.setdefault("externalTrafficPolicy", "Cluster")
    return found

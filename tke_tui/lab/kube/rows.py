"""What is in the columns that the API server prints of each kind, see `columns`: of an object, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tke_tui.lab.kube.kinds import Object, group_of

_ROLE = "node-role.kubernetes.io/"
NONE, _UNSET, _UNKNOWN = "<none>", "<unset>", "<unknown>"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX"}
_SHOWN_ENDPOINTS = 3


class Since(str):
    """A time of which is shown how long it is ago."""

    __slots__ = ()


def spec_of(obj: Object) -> Object:
    return dict(obj.get("spec") or {})


def status_of(obj: Object) -> Object:
    return dict(obj.get("status") or {})


def _condition(obj: Object, kind: str) -> str:
    conditions = status_of(obj).get("conditions") or ()
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


def pairs(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _listed(items: Iterable[Any], separator: str = ",") -> str:
    return separator.join(str(item) for item in items)


def created(obj: Object) -> Sequence[Any]:
    return (obj["metadata"].get("creationTimestamp"),)


# --- nodes and workloads -------------------------------------------------------------------------------------------


def node(obj: Object) -> Sequence[Any]:
    status = status_of(obj)
    ready = "Ready" if _condition(obj, "Ready") == "True" else "NotReady"
    if spec_of(obj).get("unschedulable"):
        ready += ",SchedulingDisabled"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(name.removeprefix(_ROLE) for name in labels if name.startswith(_ROLE))
    addresses = {a["type"]: a["address"] for a in status.get("addresses", ())}
    info = status.get("nodeInfo", {})
    return [
        ready,
        _listed(roles) or NONE,
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        *(info.get(name, _UNKNOWN) for name in ("osImage", "kernelVersion", "containerRuntimeVersion")),
    ]


def pod(obj: Object) -> Sequence[Any]:
    status, spec = status_of(obj), spec_of(obj)
    containers, states = spec.get("containers", []), status.get("containerStatuses", [])
    ready = sum(1 for state in states if state.get("ready")) if states else 0
    if not states and _condition(obj, "Ready") == "True":
        ready = len(containers)
    restarts = sum(int(state.get("restartCount", 0)) for state in states)
    waiting = [s["state"]["waiting"]["reason"] for s in states if "waiting" in s.get("state", {})]
    gates = len(spec.get("readinessGates", ()))
    return (
        f"{ready}/{len(containers)}",
        waiting[0] if waiting else status.get("phase", "Pending"),
        restarts,
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{gates}/{gates}" if gates else NONE,
    )


def _pod_spec(obj: Object) -> Object:
    return dict(spec_of(obj).get("template", {}).get("spec") or {})


def _images(pod_spec: Object) -> list[str]:
    containers = pod_spec.get("containers", ())
    return [_listed(c.get(name, "") for c in containers) for name in ("name", "image")]


def made_of(obj: Object) -> Sequence[Any]:
    selector = spec_of(obj).get("selector") or {}
    return *_images(_pod_spec(obj)), pairs(selector.get("matchLabels"))


def deployment(obj: Object) -> Sequence[Any]:
    status, replicas = status_of(obj), spec_of(obj).get("replicas", 1)
    counts = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    return f"{status.get('readyReplicas', 0)}/{replicas}", *counts, *made_of(obj)


def stateful_set(obj: Object) -> Sequence[Any]:
    ready = f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 1)}"
    return ready, *_images(_pod_spec(obj))


def replica_counts(obj: Object) -> Sequence[Any]:
    status = status_of(obj)
    return spec_of(obj).get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)


def replication_controller(obj: Object) -> Sequence[Any]:
    return *replica_counts(obj), *_images(_pod_spec(obj)), pairs(spec_of(obj).get("selector"))


def daemon_set(obj: Object) -> Sequence[Any]:
    status = status_of(obj)
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = (status.get(name, 0) for name in names)
    return *counts, pairs(_pod_spec(obj).get("nodeSelector")), *made_of(obj)


def job(obj: Object) -> Sequence[Any]:
    status = status_of(obj)
    started, ended = status.get("startTime"), status.get("completionTime")
    duration = Since(started) if started and not ended else ""
    return f"{status.get('succeeded', 0)}/{spec_of(obj).get('completions', 1)}", duration, *made_of(obj)


def cron_job(obj: Object) -> Sequence[Any]:
    spec, status = spec_of(obj), status_of(obj)
    last = status.get("lastScheduleTime")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return (
        spec.get("schedule", ""),
        str(bool(spec.get("suspend"))),
        len(status.get("active") or ()),
        Since(last) if last else NONE,
        *made_of({"spec": job}),
    )


def autoscaler(obj: Object) -> Sequence[Any]:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef", {})
    used = status.get("currentCPUUtilizationPercentage")
    wanted = spec.get("targetCPUUtilizationPercentage", 80)
    return (
        f"{target.get('kind', '')}/{target.get('name', '')}",
        f"{_UNKNOWN if used is None else f'{used}%'}/{wanted}%",
        str(spec.get("minReplicas", 1)),
        str(spec.get("maxReplicas", "")),
        str(status.get("currentReplicas", 0)),
    )


def disruption_budget(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    bounds = (str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable"))
    return *bounds, status_of(obj).get("disruptionsAllowed", 0)


# --- network -------------------------------------------------------------------------------------------------------


def service(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    kind = spec.get("type", "ClusterIP")
    ports = _listed(
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports") or ()
    )
    address = spec.get("clusterIP") or NONE
    return kind, address, _external(kind, obj), ports or NONE, pairs(spec.get("selector"))


def _external(kind: str, obj: Object) -> str:
    spec = spec_of(obj)
    own = _listed(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    given = _ingress_addresses(obj) if kind == "LoadBalancer" else ""
    return _listed(part for part in (given, own) if part) or ("<pending>" if kind == "LoadBalancer" else NONE)


def _ingress_addresses(obj: Object) -> str:
    points = status_of(obj).get("loadBalancer", {}).get("ingress") or ()
    return _listed(point.get("ip") or point.get("hostname", "") for point in points)


def ingress(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    hosts = _listed(rule["host"] for rule in spec.get("rules") or () if rule.get("host")) or "*"
    return (
        spec.get("ingressClassName", NONE),
        hosts,
        _ingress_addresses(obj),
        "80, 443" if spec.get("tls") else "80",
    )


def endpoints(obj: Object) -> Sequence[Any]:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return (_shortened(found),)


def _shortened(found: list[str]) -> str:
    more = len(found) - _SHOWN_ENDPOINTS
    return (_listed(found[:_SHOWN_ENDPOINTS]) + (f" + {more} more..." if more > 0 else "")) or NONE


def endpoint_slice(obj: Object) -> Sequence[Any]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    shown = (_shortened(each) if each else _UNSET for each in (ports, addresses))
    return obj.get("addressType", ""), *shown


# --- storage -------------------------------------------------------------------------------------------------------


def _modes(names: Sequence[str] | None) -> str:
    return _listed(_MODES.get(name, name) for name in names or ())


def volume(obj: Object) -> Sequence[Any]:
    spec, status = spec_of(obj), status_of(obj)
    claim = spec.get("claimRef")
    return (
        spec.get("capacity", {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", "Retain"),
        status.get("phase", "Pending"),
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        status.get("reason", ""),
        spec.get("volumeMode", "Filesystem"),
    )


def claim(obj: Object) -> Sequence[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return (
        status.get("phase", "Pending"),
        spec.get("volumeName", ""),
        status.get("capacity", {}).get("storage", ""),
        _modes(status.get("accessModes")),
        spec.get("storageClassName", ""),
        spec.get("volumeMode", "Filesystem"),
    )


def storage_class(obj: Object) -> Sequence[Any]:
    return (
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        str(obj.get("allowVolumeExpansion", False)).lower(),
    )


def class_name(obj: Object) -> str:
    default = (obj["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    name = str(obj["metadata"]["name"])
    return f"{name} (default)" if default else name


# --- the rest ------------------------------------------------------------------------------------------------------


def event(obj: Object) -> Sequence[Any]:
    about, source = obj.get("involvedObject", {}), obj.get("source", {})
    first = obj.get("firstTimestamp") or obj.get("eventTime") or ""
    return (
        Since(obj.get("lastTimestamp") or first),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        _listed((source[name] for name in ("component", "host") if source.get(name)), ", "),
        obj.get("message", "").strip(),
        Since(first),
        str(obj.get("count", 0)),
    )


def binding(obj: Object) -> Sequence[Any]:
    role, subjects = obj.get("roleRef", {}), obj.get("subjects") or ()

    def of(kind: str) -> str:
        found = (s for s in subjects if s.get("kind") == kind)
        return _listed(
            (f"{s['namespace']}/{s['name']}" if "namespace" in s else s["name"] for s in found), ", "
        )

    return f"{role.get('kind', '')}/{role.get('name', '')}", of("User"), of("Group"), of("ServiceAccount")


def api_service(obj: Object) -> Sequence[Any]:
    service = spec_of(obj).get("service")
    where = f"{service['namespace']}/{service['name']}" if service else "Local"
    return where, _condition(obj, "Available") or "Unknown"


def webhooks(obj: Object) -> Sequence[Any]:
    return (len(obj.get("webhooks") or ()),)


def quota(obj: Object) -> Sequence[Any]:
    status = status_of(obj)
    used, hard = status.get("used", {}), status.get("hard", {})
    told = {name: f"{name}: {used.get(name, 0)}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in told.items() if name.startswith("limits")]
    return _listed((text for text in told.values() if text not in limits), ", "), _listed(limits, ", ")


def signing_request(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    conditions = _listed(c["type"] for c in status_of(obj).get("conditions") or ())
    return spec.get("signerName", ""), spec.get("username", ""), conditions or "Pending"


def pod_template(obj: Object) -> Sequence[Any]:
    template = obj.get("template", {})
    return *_images(template.get("spec", {})), pairs(template.get("metadata", {}).get("labels"))


def revision(obj: Object) -> Sequence[Any]:
    owners = [owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("controller")]
    groups = [group_of(owner["apiVersion"]) for owner in owners]
    names = [
        f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"
        for owner, group in zip(owners, groups, strict=True)
    ]
    return names[0] if names else NONE, str(obj.get("revision", 0))


def security_policy(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    rules = (
        spec.get(name, {}).get("rule", "")
        for name in ("seLinux", "runAsUser", "fsGroup", "supplementalGroups")
    )
    return (
        str(spec.get("privileged", False)).lower(),
        _listed(spec.get("allowedCapabilities") or ()),
        *rules,
        str(spec.get("readOnlyRootFilesystem", False)).lower(),
        _listed(spec.get("volumes") or ()) or NONE,
    )


def attachment(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    volume = spec.get("source", {}).get("persistentVolumeName", "")
    return spec.get("attacher", ""), volume, spec.get("nodeName", ""), bool(status_of(obj).get("attached"))


def driver(obj: Object) -> Sequence[Any]:
    spec = spec_of(obj)
    modes = _listed(spec.get("volumeLifecycleModes") or ("Persistent",))
    return spec.get("attachRequired", True), spec.get("podInfoOnMount", False), modes

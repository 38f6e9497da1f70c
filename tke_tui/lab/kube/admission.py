"""What the API server refuses of what is sent to it, and what it fills in by itself, before anything is stored.

The words are those of a kube-apiserver v1.20.2, with which a contract test compares. Fields of a spec are not checked.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from tke_tui.lab.kube import clusters
from tke_tui.lab.kube.defaults import defaulted
from tke_tui.lab.kube.kinds import KINDS, RBAC, Object, group_of
from tke_tui.lab.kube.paths import Resource

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SERVICE = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAMES = {
    _LABEL: (
        63,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        f"'{_LABEL}')",
    ),
    _SUBDOMAIN: (
        253,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        f"'{_SUBDOMAIN}')",
    ),
    _SERVICE: (
        63,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        f"is '{_SERVICE}')",
    ),
}
"""Pattern of a name -> its greatest length and what is said of others."""
_OTHER_NAMES = {"Namespace": _LABEL, "Service": _SERVICE}


@dataclass
class Refused(Exception):
    """The answer instead: a status with this code, message, reason and details."""

    code: int
    message: str
    reason: str = ""
    details: Object | None = None


def received(resource: Resource, obj: Any) -> Object:
    """What was sent, with kind and namespace, which may be left out. Raises `Refused` when it belongs elsewhere."""
    if not isinstance(obj, dict):
        raise Refused(400, f"the object provided is unrecognized (must be of type {resource.kind})")
    version, kind = obj.get("apiVersion", resource.version), obj.get("kind", resource.kind)
    if resource.sub in ("", "status") and (version, kind) != (resource.version, resource.kind):
        known = kind in KINDS.get(version, {})
        core = group_of(version) or "core"
        why = (
            f"converting ({version}.{kind}) to ({core}.{resource.kind}): unknown conversion"
            if known
            else f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
        )
        raise Refused(400, f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}')
    metadata = dict(obj.get("metadata") or {})
    if resource.namespaced:
        namespace = metadata.get("namespace") or resource.namespace
        if namespace != resource.namespace:
            raise Refused(
                400, "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace
    return {**obj, "kind": kind, "apiVersion": version, "metadata": metadata}


def has_its_name(resource: Resource, obj: Object) -> None:
    """Raises `Refused` when what is to be at a path has another name or namespace than the path."""
    metadata = obj.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        based = f"the name of the object ({resource.name} based on URL) was undeterminable"
        raise Refused(400, f"{based}: name must be provided")
    if name != resource.name:
        raise Refused(
            400, f"the name of the object ({name}) does not match the name on the URL ({resource.name})"
        )
    if resource.namespaced and namespace not in (None, resource.namespace):
        where = f"the namespace on the request ({resource.namespace})"
        raise Refused(400, f"the namespace of the object ({namespace}) does not match {where}")


def new(resource: Resource, obj: Object) -> None:
    """Raises `Refused` when a new object has no name, or one that no object of its kind may have."""
    name = obj["metadata"].get("name") or ""
    if not name:
        said = "Required value: name or generateName is required"
        raise _invalid(resource, name, said, "FieldValueRequired")
    if resource.kind not in KINDS.get(resource.version, {}) or resource.version == RBAC:
        return
    pattern = _OTHER_NAMES.get(resource.kind, _SUBDOMAIN)
    longest, said = _NAMES[pattern]
    if len(name) > longest:
        said = f"must be no more than {longest} characters"
    elif re.fullmatch(pattern, name):
        return
    raise _invalid(resource, name, f'Invalid value: "{name}": {said}', "FieldValueInvalid")


def changed(resource: Resource, live: Object, obj: Object) -> None:
    """Raises `Refused` when a service would lose its address."""
    spec = obj.get("spec") or {}
    had = resource.kind == "Service" and (live.get("spec") or {}).get("clusterIP")
    if had and not spec.get("clusterIP") and spec.get("type") != "ExternalName":
        said = "Invalid value: []string(nil): primary clusterIP can not be unset"
        raise _invalid(resource, resource.name, said, "FieldValueInvalid", "spec.clusterIPs[0]")


def _invalid(resource: Resource, name: str, said: str, reason: str, field: str = "metadata.name") -> Refused:
    group = group_of(resource.version)
    kind = f"{resource.kind}.{group}" if group else resource.kind
    details: Object = {"kind": resource.kind, "causes": [{"reason": reason, "message": said, "field": field}]}
    details |= {"name": name} if name else {}
    details |= {"group": group} if group else {}
    return Refused(422, f'{kind} "{name}" is invalid: {field}: {said}', details=details)


def filled(obj: Object, *, created: bool) -> Object:
    """An object with what the server itself writes into it."""
    match obj["apiVersion"], obj["kind"]:
        case "v1", "Secret":
            rest = {name: value for name, value in obj.items() if name != "stringData"}
            plain = {
                name: base64.b64encode(text.encode()).decode()
                for name, text in (obj.get("stringData") or {}).items()
            }
            data = {"data": {**(obj.get("data") or {}), **plain}} if plain else {}
            return {"type": "Opaque", **rest, **data}
        case "v1", "Namespace" if created:
            spec = {"finalizers": ["kubernetes"], **(obj.get("spec") or {})}
            return {**obj, "spec": spec, "status": {"phase": "Active"}}
    return defaulted(obj)


def apart(resource: Resource, live: Object | None, obj: Object) -> Object:
    """`obj` with only what may be written by this path: the status by its subresource, all else without it.

    Raises `clusters.Refused` for a Cluster that must not be changed so.
    """
    if resource.sub == "status":
        return {**(live or obj), "status": obj.get("status", {})}
    if (resource.version, resource.kind) == (clusters.API_VERSION, clusters.KIND) and live is not None:
        return clusters.as_stored(live, obj, resource.sub)
    if resource.sub or resource.kind not in KINDS.get(resource.version, {}):
        return obj
    rest = {name: value for name, value in obj.items() if name != "status"}
    return {**rest, "status": live["status"]} if live is not None and "status" in live else rest

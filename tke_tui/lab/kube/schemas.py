"""What the built-in kinds look like, as definitions of an OpenAPI 2 document.

Fields, their types and their descriptions come from the models of kubernetes-asyncio, which were made of the document
of a newer Kubernetes; `fields` takes them back to 1.20. Custom kinds are described by their own definitions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from tke_tui.lab.kube.fields import GONE, MERGED, MODELS, NEWER, REQUIRED
from tke_tui.lab.kube.kinds import KINDS, Object, group_of

INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_META_MODELS = frozenset(
    {"LabelSelector", "LabelSelectorRequirement", "ManagedFieldsEntry", "ObjectMeta", "OwnerReference"}
)
_PACKAGES = {
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}
_NUMBER_OR_NAME = frozenset({"maxSurge", "maxUnavailable", "minAvailable", "port", "targetPort"})
_SIMPLE: dict[str, Object] = {
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
    "float": {"type": "number", "format": "double"},
    "int": {"type": "integer"},
    "object": {},
    "str": {"type": "string"},
}
_LIST, _MAP = re.compile(r"list\[(.*)\]"), re.compile(r"dict\(str, (.*)\)")
_CLASS = re.compile(r"^(?:[A-Z][a-z]+)?V\d+(?:alpha\d+|beta\d+)?(?=[A-Z])")
"""What kubernetes-asyncio puts before the name of a type, e.g. `V1`, `CoreV1`."""
_DOCUMENTED = re.compile(r"# noqa: E501\n\s*\n\s*(.*?)\s*# noqa: E501\n\s*\n\s*:return:", re.DOTALL)
_MERGE = "x-kubernetes-patch-"
_OPEN = "x-kubernetes-preserve-unknown-fields"


@functools.cache
def built_in() -> dict[str, Object]:
    """Name -> schema of the kinds of `KINDS` and of all that they are made of. The first call takes some 0.1 s."""
    import kubernetes_asyncio.client.models as models

    made: dict[str, Object] = {INT_OR_STRING: {"type": "string", "format": "int-or-string"}}
    roots = {
        (version, kind): MODELS.get((version, kind), f"{version.rpartition('/')[2].capitalize()}{kind}")
        for version, kinds in KINDS.items()
        for kind in kinds
    }
    names = {model: f"{_package(version)}.{kind}" for (version, kind), model in roots.items()}
    for (version, kind), model in roots.items():
        if hasattr(models, model):
            made[names[model]] = {
                "description": f"{kind} of {version}, with the fields of Kubernetes 1.20.",
                **_schema(models, model, version, names, made),
                "x-kubernetes-group-version-kind": [_gvk(version, kind)],
            }
    return made


def of_custom_kinds(definitions: Iterable[Object]) -> dict[str, Object]:
    """The same of CustomResourceDefinitions, for each version that has a schema."""
    found: dict[str, Object] = {}
    for definition in definitions:
        spec = definition["spec"]
        for version in spec.get("versions", ()):
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            if not schema or not version.get("served", True):
                continue
            kind = spec["names"]["kind"]
            name = f"{'.'.join(reversed(spec['group'].split('.')))}.{version['name']}.{kind}"
            found[name] = {
                **_closed(schema),
                "x-kubernetes-group-version-kind": [_gvk(f"{spec['group']}/{version['name']}", kind)],
            }
            if properties := found[name].get("properties"):
                properties |= {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": _reference(f"{_META}.ObjectMeta"),
                }
    return found


def _schema(models: Any, model: str, version: str, names: dict[str, str], made: dict[str, Object]) -> Object:
    """The schema of a model; those that it refers to are put into `made`, and what they are called into `names`."""
    cls = getattr(models, model)
    newer = NEWER.get(model, "").split()
    properties: dict[str, Object] = {}
    required: list[str] = []

    def described(kind: str, field: str) -> Object:
        if found := _LIST.fullmatch(kind):
            return {"type": "array", "items": described(found[1], "")}
        if found := _MAP.fullmatch(kind):
            return {"type": "object", "additionalProperties": described(found[1], "")}
        if kind == "object" and field in _NUMBER_OR_NAME:
            return _reference(INT_OR_STRING)
        if kind in _SIMPLE:
            return dict(_SIMPLE[kind])
        if kind not in names:
            names[kind] = _name(kind, version)
            made[names[kind]] = _schema(models, kind, version, names, made)
        return _reference(names[kind])

    for attribute, field in cls.attribute_map.items():
        if field in newer:
            continue
        accessor = getattr(cls, attribute)
        documented = _DOCUMENTED.search(accessor.fget.__doc__ or "")
        properties[field] = described(cls.openapi_types[attribute], field)
        if documented:
            properties[field]["description"] = documented[1]
        if any(
            "must not be `None`" in text for text in accessor.fset.__code__.co_consts if isinstance(text, str)
        ):
            required.append(field)
    for field, kind in GONE.get(model, {}).items():
        properties[field] = described(kind, field)
    for field, merged in MERGED.get(model, {}).items():
        strategy, _, key = merged.partition(" ")
        properties[field][f"{_MERGE}strategy"] = strategy
        if key:
            properties[field][f"{_MERGE}merge-key"] = key
    if model in REQUIRED:
        required = REQUIRED[model].split()
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _name(model: str, version: str) -> str:
    """What Kubernetes calls a type that is met first in this API version."""
    short = _CLASS.sub("", model)
    return f"{_META if short in _META_MODELS else _package(version)}.{short}"


def _package(version: str) -> str:
    group = group_of(version).partition(".")[0] or "core"
    return f"{_PACKAGES.get(group, f'io.k8s.api.{group}')}.{version.rpartition('/')[2]}"


def _reference(name: str) -> Object:
    return {"$ref": f"#/definitions/{name}"}


def _gvk(version: str, kind: str) -> Object:
    return {"group": group_of(version), "version": version.rpartition("/")[2], "kind": kind}


def _closed(schema: Object) -> Object:
    """A schema of OpenAPI 3 in the words of 2, as the API server publishes it: open parts are not described."""
    if schema.get(_OPEN) or schema.get("x-kubernetes-int-or-string"):
        return {key: schema[key] for key in ("description",) if key in schema}
    kept: Object = {
        key: schema[key] for key in ("description", "format", "required", "type") if key in schema
    }
    if "properties" in schema:
        kept["properties"] = {name: _closed(inner) for name, inner in schema["properties"].items()}
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            kept[key] = _closed(schema[key])
    return kept

"""Every way in which a part of an object is changed: server-side apply and the three kinds of patch.

JSON merge patch: RFC 7386. JSON patch: RFC 6902. Strategic merge patch: Kubernetes' community document
"strategic-merge-patch.md", with the merge keys of the kinds that are used here.
"""

from __future__ import annotations

import copy
from typing import Any

from tke_tui.lab.kube.kinds import Object

MERGE_KEYS = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "secrets": ("name",),
    "taints": ("key",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists of objects that a strategic merge patch merges -> keys by which their items are the same."""
_SETS = frozenset({"finalizers"})
"""Lists of texts that are merged as sets."""
_DELETE_FROM, _ORDER, _RETAIN, _PATCH = (
    "$deleteFromPrimitiveList/",
    "$setElementOrder/",
    "$retainKeys",
    "$patch",
)


class BadPatch(ValueError):
    """The patch cannot be applied to this object."""


def merge(base: Any, patch: Any) -> Any:
    """JSON merge patch: null removes a key, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(base: Any, patch: Any) -> Any:
    """Strategic merge patch: as `merge`, but lists with a merge key are merged item by item."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get(_PATCH) == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != _PATCH}
    result = dict(base) if isinstance(base, dict) else {}
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            result[name] = [item for item in result.get(name) or () if item not in value]
        elif key.startswith(_ORDER) or key in (_RETAIN, _PATCH):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _strategic_list(key, result.get(key) or [], value)
        else:
            result[key] = strategic(result.get(key), value)
    return result


def _strategic_list(name: str, base: list[Any], patch: list[Any]) -> list[Any]:
    if name in _SETS:
        return [*base, *(item for item in patch if item not in base)]
    keys = MERGE_KEYS.get(name, ())
    key = next((key for key in keys if all(isinstance(item, dict) and key in item for item in patch)), None)
    if key is None or any(item == {_PATCH: "replace"} for item in patch):
        return [copy.deepcopy(item) for item in patch if item != {_PATCH: "replace"}]
    items = {item[key]: item for item in base if isinstance(item, dict) and key in item}
    for item in patch:
        if item.get(_PATCH) == "delete":
            items.pop(item[key], None)
        else:
            items[item[key]] = strategic(items.get(item[key]), item)
    return list(items.values())


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
    result = _applied(result, applied)
    entry = {"manager": manager, "operation": "Apply", "applied": copy.deepcopy(applied)}
    others = [m for m in managers if m is not mine]
    result["metadata"]["managedFields"] = [*others, entry]
    return result


def _applied(base: Any, applied: Any) -> Any:
    if isinstance(base, dict) and isinstance(applied, dict):
        return {**base, **{key: _applied(base.get(key), value) for key, value in applied.items()}}
    if _named(base) and _named(applied):
        by_name = {item["name"]: item for item in base}
        for item in applied:
            by_name[item["name"]] = _applied(by_name.get(item["name"]), item)
        return list(by_name.values())
    return copy.deepcopy(applied)


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


def json_patch(live: Object, operations: list[Object]) -> Object:
    """JSON patch. Raises `BadPatch` when an operation does not fit the object, or its test fails."""
    result = copy.deepcopy(live)
    for operation in operations:
        try:
            _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise BadPatch(f"{operation.get('op')} {operation.get('path')}: {error}") from None
    return result


def _operate(document: Object, operation: Object) -> None:
    op, path = operation["op"], _pointer(operation["path"])
    match op:
        case "remove":
            _remove(document, path)
        case "add":
            _add(document, path, copy.deepcopy(operation["value"]))
        case "replace":
            _remove(document, path)
            _add(document, path, copy.deepcopy(operation["value"]))
        case "test":
            if _find(document, path) != operation["value"]:
                raise ValueError("the test failed")
        case "copy":
            _add(document, path, copy.deepcopy(_find(document, _pointer(operation["from"]))))
        case "move":
            origin = _pointer(operation["from"])
            value = _find(document, origin)
            _remove(document, origin)
            _add(document, path, value)
        case _:
            raise ValueError("no such operation")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _find(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _remove(document: Any, path: list[str]) -> None:
    parent = _find(document, path[:-1])
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]


def _add(document: Any, path: list[str], value: Any) -> None:
    parent = _find(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else int(path[-1]), value)
    else:
        parent[path[-1]] = value

"""The three kinds of patch; server-side apply is in `managed`.

JSON merge patch: RFC 7386. JSON patch: RFC 6902. Strategic merge patch: Kubernetes' community document
"strategic-merge-patch.md".
"""

from __future__ import annotations

import copy
from typing import Any

from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.managed import LIST_KEYS, SETS

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
            order = patch.get(f"{_ORDER}{key}")
            result[key] = _strategic_list(key, result.get(key) or [], value, order)
        else:
            result[key] = strategic(result.get(key), value)
    return result


def _strategic_list(name: str, base: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    if name in SETS or name == "podCIDRs":
        return _ordered([*base, *(item for item in patch if item not in base)], order or patch, base)
    keys = [several[0] for several in LIST_KEYS.get(name, ())]
    key = next((key for key in keys if all(isinstance(item, dict) and key in item for item in patch)), None)
    if key is None or any(item == {_PATCH: "replace"} for item in patch):
        return [copy.deepcopy(item) for item in patch if item != {_PATCH: "replace"}]
    items = {item[key]: item for item in base if isinstance(item, dict) and key in item}
    former = list(items)
    for item in patch:
        if item.get(_PATCH) == "delete":
            items.pop(item[key], None)
        else:
            items[item[key]] = strategic(items.get(item[key]), item)
    wanted = [item[key] for item in (patch if order is None else order) if key in item]
    return [items[identity] for identity in _ordered(list(items), wanted, former)]


def _ordered(items: list[Any], wanted: list[Any], former: list[Any]) -> list[Any]:
    """Items in the order of `wanted`, each other one before the first of these that it was before formerly, as the API
    server orders what a strategic patch has merged."""
    chosen = [item for item in wanted if item in items]
    others = [item for item in former if item in items and item not in chosen]
    result = []
    while chosen and others:
        first = chosen[0] in former and former.index(others[0]) < former.index(chosen[0])
        result.append((others if first else chosen).pop(0))
    return [*result, *chosen, *others]


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

"""Who manages which fields of an object: server-side apply with its conflicts, and what other changes leave behind.

Facts: Kubernetes documentation, "Server-Side Apply"; the form of `fieldsV1` and the words of a conflict are those of
1.20. Items of lists are known by the keys of `LIST_KEYS`; other lists, and all of custom kinds, change as a whole.
"""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tke_tui.lab.kube.kinds import KINDS, Object

Path = tuple[str, ...]
"""Steps in the words of `fieldsV1`: `f:NAME`, `k:{"KEY":VALUE}` for an item of a list, `v:VALUE` for one of a set."""
Values = dict[Path, Any]
"""What is at each path that somebody can manage; an item of a list by itself is `True`."""

LIST_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "addresses": (("type",),),
    "conditions": (("type",),),
    "containers": (("name",),),
    "drivers": (("name",),),
    "env": (("name",),),
    "ephemeralContainers": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "podIPs": (("ip",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "secrets": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
    "webhooks": (("name",),),
}
"""Lists whose items are known by some of their fields (x-kubernetes-list-map-keys, x-kubernetes-patch-merge-key)."""
SETS = frozenset({"finalizers"})
_DEFAULTS = {"protocol": "TCP"}
_SELECTOR_PARTS = frozenset({"matchExpressions", "matchLabels"})
_NOBODYS = frozenset(
    {
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "name",
        "namespace", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip
"""Fields of the metadata that are not managed."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL = "kubectl"
UNTRACKED = "before-first-apply"
"""Manager of what was there when an object without managed fields was applied to."""


class Conflict(Exception):
    """Others manage fields that an apply wants to change. `causes` and the message are what the API answers."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
            for manager, path in found
        ]
        if len(found) == 1:
            manager, path = found[0]
            super().__init__(f"Apply failed with 1 conflict: conflict with {manager}: {path}")
            return
        lines = []
        for manager in sorted({manager for manager, _ in found}):
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {path}" for other, path in found if other == manager]
        super().__init__(f"Apply failed with {len(found)} conflicts: " + "\n".join(lines))


@dataclass(frozen=True)
class Entry:
    """What one manager manages by one operation, `Apply` or `Update`."""

    manager: str
    operation: str
    version: str
    fields: frozenset[Path]
    time: str

    def __str__(self) -> str:
        name = f'"{self.manager}"'
        return f"{name} using {self.version}" if self.operation == "Update" else name

    def is_by(self, manager: str, operation: str, version: str) -> bool:
        same = (self.manager, self.operation) == (manager, operation)
        return same and (operation == "Apply" or self.version == version)


def apply(live: Object | None, applied: Object, manager: str, *, force: bool) -> Object:
    """The object after a server-side apply: `applied` is merged in; what this manager applied before, and leaves out
    now, is taken out, unless somebody else manages it, too.

    Raises `Conflict` when others manage what would change, unless it is forced: then it is theirs no longer.
    """
    typed = _is_typed(applied)
    version = applied["apiVersion"]
    entries = _entries(live)
    before = _values(live or {}, typed)
    if live is not None and not entries:
        entries = [Entry(UNTRACKED, "Update", version, frozenset(before), _now())]
    mine = next((e for e in entries if e.is_by(manager, "Apply", version)), None)
    others = [entry for entry in entries if entry is not mine]
    wanted = frozenset(_values(applied, typed))
    kept = frozenset[Path]().union(*(entry.fields for entry in others))
    result = copy.deepcopy(live) if live is not None else {}
    for path in sorted((mine.fields - wanted if mine else frozenset[Path]()) - kept, key=len):
        if not any(other[: len(path)] == path for other in kept | wanted):
            _remove(result, path)
    result = _merged(result, applied, "", typed)
    after = _values(result, typed)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    # What lost its last part is there as before, only empty.
    changed -= {path for path in changed if after[path] == {} and any(p[: len(path)] == path for p in before)}
    if not force:
        allowed = _taken_over(live, before, typed) if manager == _KUBECTL else frozenset[Path]()
        found = [
            (str(e), _told(path)) for e in others for path in sorted((e.fields & wanted & changed) - allowed)
        ]
        if found:
            raise Conflict(found)
    taken = (wanted & changed) | (before.keys() - after.keys())
    entries = [left for entry in others if (left := replace(entry, fields=entry.fields - taken)).fields]
    same = mine is not None and mine.fields == wanted
    entries.append(Entry(manager, "Apply", version, wanted, mine.time if mine and same else _now()))
    annotations = result["metadata"].get("annotations") or {}
    if manager == _KUBECTL and LAST_APPLIED in annotations:
        annotations[LAST_APPLIED] = json.dumps(applied, separators=(",", ":"), sort_keys=True) + "\n"
    return _with(result, entries)


def _taken_over(live: Object | None, before: Values, typed: bool) -> frozenset[Path]:
    """What kubectl has applied from the client's side, and is so still: it may go over to the server's side."""
    text = (((live or {}).get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return frozenset()
    return frozenset(
        path for path, value in _values(json.loads(text), typed).items() if before.get(path) == value
    )


def updated(live: Object | None, after: Object, manager: str) -> Object:
    """`after` with managed fields: what differs from `live` is managed by `manager` from now on."""
    typed, version = _is_typed(after), after["apiVersion"]
    old, new = _values(live or {}, typed), _values(after, typed)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    entries = _entries(live)
    if not changed and old.keys() == new.keys():
        return _with(copy.deepcopy(after), entries)
    gone = changed | (old.keys() - new.keys())
    mine = next((e for e in entries if e.is_by(manager, "Update", version)), None)
    rest = (replace(entry, fields=entry.fields - gone) for entry in entries if entry is not mine)
    kept = [entry for entry in rest if entry.fields]
    fields = (changed | mine.fields if mine else changed) & new.keys()
    kept.append(Entry(manager, "Update", version, fields, _now()))
    return _with(copy.deepcopy(after), kept)


# --- fields of an object -------------------------------------------------------------------------------------------


def _values(obj: Object, typed: bool) -> Values:
    found: Values = {}
    for name, value in obj.items():
        if name == "metadata":
            for inner, part in value.items():
                if inner not in _NOBODYS:
                    _collect(part, ("f:metadata", f"f:{inner}"), inner, typed, found)
        elif name not in ("apiVersion", "kind"):
            _collect(value, (f"f:{name}",), name, typed, found)
    return found


def _collect(value: Any, path: Path, name: str, typed: bool, found: Values) -> None:
    if isinstance(value, dict) and value and not (typed and _SELECTOR_PARTS & value.keys()):
        for key, inner in value.items():
            _collect(inner, (*path, f"f:{key}"), key, typed, found)
    elif isinstance(value, list) and name in SETS:
        found.update({(*path, f"v:{json.dumps(item)}"): True for item in value})
    elif isinstance(value, list) and typed and (keys := _keys(name, value)):
        for item in value:
            inside = (*path, _item(item, keys))
            found[inside] = True
            for key, inner in item.items():
                _collect(inner, (*inside, f"f:{key}"), key, typed, found)
    else:
        found[path] = value


def _keys(name: str, items: list[Any]) -> tuple[str, ...]:
    """The fields by which all these items are known; empty when there are none."""
    for keys in LIST_KEYS.get(name, ()):
        if items and all(isinstance(i, dict) and all(k in i or k in _DEFAULTS for k in keys) for i in items):
            return keys
    return ()


def _item(item: Object, keys: tuple[str, ...]) -> str:
    chosen = {key: item.get(key, _DEFAULTS.get(key)) for key in keys}
    return "k:" + json.dumps(chosen, separators=(",", ":"), sort_keys=True)


def _merged(base: Any, applied: Any, name: str, typed: bool) -> Any:
    if (
        isinstance(base, dict)
        and isinstance(applied, dict)
        and not (typed and _SELECTOR_PARTS & applied.keys())
    ):
        return {**base, **{key: _merged(base.get(key), part, key, typed) for key, part in applied.items()}}
    if isinstance(base, list) and isinstance(applied, list):
        if name in SETS:
            return [*base, *(item for item in applied if item not in base)]
        if typed and (keys := _keys(name, applied)) and keys == _keys(name, base):
            items = {_item(item, keys): item for item in base}
            for item in applied:
                identity = _item(item, keys)
                items[identity] = _merged(items.get(identity), item, "", typed)
            return list(items.values())
    return copy.deepcopy(applied)


def _remove(obj: Any, path: Path) -> None:
    """Take out what is at a path, and what is empty without it."""
    step, *rest = path
    if isinstance(obj, dict):
        name = step[2:]
        if rest and name in obj:
            _remove(obj[name], tuple(rest))
        if name in obj and (not rest or obj[name] in ({}, [])):
            del obj[name]
    elif isinstance(obj, list):
        index = _index(obj, step)
        if index is not None and rest:
            _remove(obj[index], tuple(rest))
        elif index is not None:
            del obj[index]


def _index(items: list[Any], step: str) -> int | None:
    wanted = json.loads(step[2:])
    for index, item in enumerate(items):
        if step.startswith("v:") and item == wanted:
            return index
        if isinstance(item, dict) and isinstance(wanted, dict) and step == _item(item, tuple(wanted)):
            return index
    return None


def _is_typed(obj: Object) -> bool:
    return obj["kind"] in KINDS.get(obj["apiVersion"], {})


# --- managedFields -------------------------------------------------------------------------------------------------


def _entries(obj: Object | None) -> list[Entry]:
    rows = ((obj or {}).get("metadata") or {}).get("managedFields") or ()
    return [
        Entry(
            row["manager"],
            row["operation"],
            row["apiVersion"],
            frozenset(_read(row["fieldsV1"])),
            row["time"],
        )
        for row in rows
    ]


def _with(obj: Object, entries: Iterable[Entry]) -> Object:
    rows = [
        {
            "manager": entry.manager,
            "operation": entry.operation,
            "apiVersion": entry.version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(entry.fields),
        }
        for entry in sorted(entries, key=lambda entry: (entry.operation, entry.time))
        if entry.fields or entry.operation == "Apply"
    ]
    obj["metadata"].pop("managedFields", None)
    if rows:
        obj["metadata"]["managedFields"] = rows
    return obj


def _tree(paths: Iterable[Path]) -> Object:
    root: Object = {}
    for path in sorted(paths):
        node, inside = root, root
        for step in path:
            inside = node
            node = node.setdefault(step, {})
        if path[-1].startswith("k:"):
            inside[path[-1]].setdefault(".", {})
    return root


def _read(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for step, inner in tree.items():
        if step == ".":
            yield path
        elif inner:
            yield from _read(inner, (*path, step))
        else:
            yield (*path, step)


def _told(path: Path) -> str:
    """A path as conflicts name it: `.spec.containers[name="web"].image`."""
    words = []
    for step in path:
        kind, rest = step[0], step[2:]
        if kind == "f":
            words.append(f".{rest}")
        elif kind == "v":
            words.append(f"[={rest}]")
        else:
            words.append(
                f"[{','.join(f'{key}={json.dumps(value)}' for key, value in json.loads(rest).items())}]"
            )
    return "".join(words)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""What `kubectl get` prints: the server makes the columns (KEP-515, "server-side get")."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tke_tui.lab.kube.columns import COLUMNS, Columns
from tke_tui.lab.kube.kinds import Object
from tke_tui.lab.kube.rows import Since

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
_UNITS = ((_YEAR, "y"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (1, "s"))
_SHOWN = (
    (2 * _MINUTE, "s"),
    (10 * _MINUTE, "ms"),
    (3 * _HOUR, "m"),
    (8 * _HOUR, "hm"),
    (2 * _DAY, "h"),
    (8 * _DAY, "dh"),
    (2 * _YEAR, "d"),
    (8 * _YEAR, "yd"),
    (None, "y"),
)
"""Seconds up to which an age is shown in these units, the smaller one only when it is not 0."""
_TYPES = {"#": "integer", "?": "boolean", "@": "date"}


def table(
    kind: str, objects: Sequence[Object], version: str, *, now: datetime.datetime | None = None
) -> Object:
    """A meta.k8s.io/v1 Table of objects of one kind; `version` is the list's resourceVersion."""
    moment = now or datetime.datetime.now(datetime.UTC)
    columns = COLUMNS.get(kind, Columns())
    made = [
        {
            "cells": list(_cells(columns, obj, moment)),
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": obj["metadata"],
            },
        }
        for obj in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(word) for word in _words(columns)],
        "rows": made,
    }


def _words(columns: Columns) -> Iterable[str]:
    words = columns.names.split("|")
    return words if "*Name" in words else ("Name", *words)


def _definition(word: str) -> Object:
    name = word.lstrip("*").rstrip("#?@")
    return {
        "name": name,
        "type": _TYPES.get(word[-1], "string"),
        "format": "name" if name in ("Name", "Attacher") else "",
        "description": "",
        "priority": int(word.startswith("*")),
    }


def _cells(columns: Columns, obj: Object, now: datetime.datetime) -> Iterator[Any]:
    given = iter(columns.row(obj))
    for word in _words(columns):
        match word.lstrip("*"):
            case "Name":
                yield columns.name(obj)
            case "Age":
                yield _age(obj["metadata"].get("creationTimestamp"), now)
            case _:
                value = next(given)
                yield _age(value, now) if isinstance(value, Since) else value


def _age(moment: str | None, now: datetime.datetime) -> str:
    if not moment:
        return "<unknown>"
    seconds = int((now - datetime.datetime.fromisoformat(moment)).total_seconds())
    if seconds < 0:
        return "0s" if seconds == -1 else "<invalid>"
    shown = next(units for below, units in _SHOWN if below is None or seconds < below)
    first, *smaller = (unit for unit in _UNITS if unit[1] in shown)
    told = f"{seconds // first[0]}{first[1]}"
    rest = seconds % first[0] // smaller[0][0] if smaller else 0
    return f"{told}{rest}{smaller[0][1]}" if rest else told

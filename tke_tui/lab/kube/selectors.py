"""Label and field selectors (Kubernetes documentation, "Labels and Selectors")."""

from __future__ import annotations

import re
from typing import Any

from tke_tui.lab.kube.kinds import Object

_SET = re.compile(r"^(?P<key>[^ !=]+) +(?P<operator>in|notin) *\((?P<values>[^)]*)\)$")


def matches(obj: Object, label_selector: str, field_selector: str) -> bool:
    """Whether an object fits both; an empty selector fits all."""
    labels = obj["metadata"].get("labels") or {}
    return all(_label(labels, term) for term in _terms(label_selector)) and all(
        _field(obj, term) for term in _terms(field_selector)
    )


def _label(labels: dict[str, str], term: str) -> bool:
    if found := _SET.match(term):
        values = [value.strip() for value in found["values"].split(",")]
        return (labels.get(found["key"]) in values) is (found["operator"] == "in")
    if "=" in term:
        key, unequal, value = _equation(term)
        return (labels.get(key) == value) is not unequal
    return term[1:] not in labels if term.startswith("!") else term in labels


def _field(obj: Object, term: str) -> bool:
    path, unequal, value = _equation(term)
    current: Any = obj
    for part in path.split("."):
        current = current.get(part) if isinstance(current, dict) else None
    return (("" if current is None else str(current)) == value) is not unequal


def _equation(term: str) -> tuple[str, bool, str]:
    """(left side, whether it is !=, right side)"""
    key, _, value = term.partition("=")
    return key.removesuffix("!").strip(), key.endswith("!"), value.removeprefix("=").strip()


def _terms(selector: str) -> list[str]:
    terms, depth, start = [], 0, 0
    for position, letter in enumerate(selector):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            terms.append(selector[start:position])
            start = position + 1
    terms.append(selector[start:])
    return [term.strip() for term in terms if term.strip()]

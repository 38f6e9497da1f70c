"""Label and field selectors (Kubernetes documentation, "Labels and Selectors" and "Field Selectors")."""

from __future__ import annotations

import re
from typing import Any

from tke_tui.lab.kube.kinds import Object

_KEY, _VALUE = r"[\w./-]+", r"[\w.-]*"
_SET = re.compile(rf"^(?P<key>{_KEY}) +(?P<operator>in|notin) *\((?P<values>[^()]*)\)$")
_COMPARED = re.compile(rf"^(?P<key>{_KEY}) *(?P<operator>[<>]) *(?P<number>\d+)$")
_EQUAL = re.compile(rf"^{_KEY} *(?:=|==|!=) *{_VALUE}$")
_THERE = re.compile(rf"^! *{_KEY}$|^{_KEY}$")
_ALWAYS = frozenset({"metadata.name", "metadata.namespace"})
_ABOUT = ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
_FIELDS: dict[str, frozenset[str]] = {
    "CertificateSigningRequest": frozenset({"spec.signerName"}),
    "Event": frozenset(
        {*(f"involvedObject.{name}" for name in _ABOUT), "reason", "reportingComponent", "source", "type"}
    ),
    "Job": frozenset({"status.successful"}),
    "Namespace": frozenset({"status.phase"}),
    "Node": frozenset({"spec.unschedulable"}),
    "Pod": frozenset(
        {
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
            "status.nominatedNodeName", "status.phase", "status.podIP", "status.podIPs",
        }
    ),
    "ReplicationController": frozenset({"status.replicas"}),
    "Secret": frozenset({"type"}),
}  # fmt: skip
"""Kind -> fields that can be selected by beside name and namespace, which are the only ones of all other kinds."""
_OTHERWISE = {"spec.unschedulable": "false"}


def matches(obj: Object, label_selector: str, field_selector: str) -> bool:
    """Whether an object fits both; an empty selector fits all."""
    labels = obj["metadata"].get("labels") or {}
    return all(_label(labels, term) for term in _terms(label_selector)) and all(
        _field(obj, term) for term in _terms(field_selector)
    )


def problem(kind: str, label_selector: str, field_selector: str) -> str:
    """Why objects of a kind cannot be selected so; "" when they can."""
    for term in _terms(label_selector):
        if not any(form.match(term) for form in (_SET, _COMPARED, _EQUAL, _THERE)):
            return f"unable to parse requirement: {term}"
    for term in _terms(field_selector):
        if "=" not in term:
            return f"invalid selector: '{field_selector}'; can't understand '{term}'"
        path = _equation(term)[0]
        if path not in _ALWAYS | _FIELDS.get(kind, frozenset()):
            if kind in _FIELDS:
                return f"field label not supported: {path}"
            return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    return ""


def _label(labels: dict[str, str], term: str) -> bool:
    if found := _SET.match(term):
        values = [value.strip() for value in found["values"].split(",")]
        return (labels.get(found["key"]) in values) is (found["operator"] == "in")
    if found := _COMPARED.match(term):
        value = labels.get(found["key"], "")
        if not value.isdecimal():
            return False
        return (
            int(value) > int(found["number"])
            if found["operator"] == ">"
            else int(value) < int(found["number"])
        )
    if "=" in term:
        key, unequal, value = _equation(term)
        return (labels.get(key) == value) is not unequal
    return term[1:].strip() not in labels if term.startswith("!") else term in labels


def _field(obj: Object, term: str) -> bool:
    path, unequal, value = _equation(term)
    current: Any = obj
    for part in ("source.component" if path == "source" else path).split("."):
        current = current.get(part) if isinstance(current, dict) else None
    shown = _OTHERWISE.get(path, "") if current is None else str(current)
    return ((shown.lower() if isinstance(current, bool) else shown) == value) is not unequal


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

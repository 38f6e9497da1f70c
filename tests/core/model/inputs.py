"""Documents that tests begin with, and ways to change them."""

from __future__ import annotations

import base64
import copy
import re
from typing import Any

from tke_tui.core.model.findings import Finding
from tke_tui.core.model.load import Loaded, parse_para
from tke_tui.core.model.validate import Report, validate

VERSIONS = ("1.20.2", "1.19.7")
Document = dict[str, Any]


def b64(text: str | bytes) -> str:
    return base64.b64encode(
        text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    ).decode()


def good_document() -> Document:
    """Three masters with a virtual IP and everything switched on; no rule has anything to say about it."""
    return {
        "cluster": {
            "spec": {
                "machines": [
                    {"ip": f"192.0.2.{n}", "port": 22, "username": "root", "password": b64("machine-secret")}
                    for n in (11, 12, 13)
                ]
            }
        },
        "Config": {
            "basic": {"username": "admin", "password": b64("basic-secret")},
            "auth": {"tke": {}},
            "registry": {"tke": {}},
            "business": {},
            "monitor": {"influxDB": {"local": {}}},
            "ha": {"tke": {"vip": "192.0.2.100"}},
            "gateway": {},
            "audit": {
                "elasticSearch": {
                    "address": "http://198.51.100.9:9200",
                    "reserveDays": 7,
                    "username": "elastic",
                    "password": "audit-secret",
                }
            },
        },
    }


REMOVED = object()
"""As a value in `changed`: the key is taken out."""


def changed(changes: dict[str, Any], document: Document | None = None) -> Document:
    """A copy of the document with values set at paths such as `cluster.spec.machines[1].ip`."""
    result = copy.deepcopy(document if document is not None else good_document())
    for path, value in changes.items():
        parts = [int(p[1:-1]) if p.startswith("[") else p for p in re.findall(r"\[\d+\]|[^.\[\]]+", path)]
        node: Any = result
        for part in parts[:-1]:
            node = node[part] if isinstance(part, int) else node.setdefault(part, {})
        if value is REMOVED:
            node.pop(parts[-1], None)
        else:
            node[parts[-1]] = value
    return result


def checked(document: Any) -> tuple[Loaded, Report]:
    """Load and validate a document with all findings in the report."""
    loaded = parse_para(copy.deepcopy(document))
    assert loaded.para is not None
    return loaded, validate(loaded.para, kubernetes_versions=VERSIONS, source=loaded)


def findings_of(document: Any) -> list[Finding]:
    report = checked(document)[1]
    return [*report.errors, *report.warnings]

"""Writes down what the suite found on a target, for the table in docs/conformance.md (`python -m tools.conformance`).

Only when `TKE_CONFORMANCE_RESULTS` names a directory: `embedded.json` or `real.json` there has the outcome of each case
and, of each task on each machine, the verdicts of the walk and how many changes its plan foresaw.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conformance.walk import Walk

VARIABLE = "TKE_CONFORMANCE_RESULTS"
_cases: dict[str, dict[str, str]] = {}
_tasks: dict[str, list[dict[str, Any]]] = {}


def note_case(target: str, case: str, outcome: str) -> None:
    """The worst outcome of a case's phases counts."""
    cases = _cases.setdefault(target, {})
    if cases.get(case) in (None, "passed"):
        cases[case] = outcome


def note_walks(target: str, walks: Iterable[Walk]) -> None:
    for walk in walks:
        for passage in walk.passages.values():
            row = {"task": passage.task, "node": passage.node, "verdicts": passage.verdicts}
            _tasks.setdefault(target, []).append({**row, "foreseen": passage.foreseen})


def write() -> None:
    """What was noted so far, in the place of what an earlier run wrote."""
    place = os.environ.get(VARIABLE)
    if not place:
        return
    for target, cases in _cases.items():
        path = Path(place) / f"{target}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {"cases": cases, "tasks": _tasks.get(target, [])}
        path.write_text(json.dumps(document, indent=1) + "\n")

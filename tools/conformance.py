"""Writes the tables of docs/conformance.md from what the conformance suite wrote down on both labs.

    python -m tools.conformance DIRECTORY

DIRECTORY has embedded.json and real.json, see `tests/conformance/record.py`. What stands outside of the marks in the
document is written by hand and stays.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tke_tui.core.plan import CREATE_HANDLERS, DELETE_HANDLERS, STEPS, UPDATE_HANDLERS, UPDATE_STEPS
from tke_tui.core.steps.create_global_cluster import CreateGlobalCluster

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "conformance.md"
BEGIN, END = "<!-- made by tools/conformance.py -->", "<!-- end -->"
TARGETS = ("embedded", "real")
ASPECTS = ("run", "again", "cancelled", "failed", "planned")
GOOD, NOTHING = "good", "changes nothing"
SCENARIO_FILES = {
    "test_api.py": "The Kubernetes API, asked by plain requests",
    "test_kubernetes.py": "The Kubernetes API, asked by the installer's client",
    "test_machines.py": "The machines, asked over SSH",
}

_STEPS = [step.name for step in STEPS]
_CREATE = _STEPS.index(CreateGlobalCluster.name)
_HANDLERS = [handler.name for handler in (*CREATE_HANDLERS, *UPDATE_HANDLERS, *DELETE_HANDLERS)]
ORDER = [*_STEPS[:_CREATE], *_HANDLERS, *_STEPS[_CREATE:], *(step.name for step in UPDATE_STEPS)]

Results = dict[str, dict[str, Any]]


def tables(results: Results) -> str:
    """Everything between the marks."""
    parts = [_summary(results), "## Steps and handlers", _tasks(results)]
    for file, title in SCENARIO_FILES.items():
        parts += [f"## {title}", _scenarios(results, file)]
    return "\n\n".join(parts)


def _summary(results: Results) -> str:
    rows = []
    for target in TARGETS:
        outcomes = list(results[target]["cases"].values())
        passages = results[target]["tasks"]
        verdicts = [verdict for passage in passages for verdict in passage["verdicts"].values()]
        rows.append(
            (
                target,
                f"{outcomes.count('passed')} of {len(outcomes)}",
                str(len(passages)),
                f"{verdicts.count(GOOD)} good, {verdicts.count(NOTHING)} without a change to break off",
            )
        )
    return _table(("lab", "cases passed", "tasks x machines", "verdicts"), rows)


def _tasks(results: Results) -> str:
    names = {passage["task"] for target in TARGETS for passage in results[target]["tasks"]}
    rows = []
    for name in sorted(names, key=ORDER.index):
        cells = [_task_cell(results[target]["tasks"], name) for target in TARGETS]
        rows.append((name, *cells))
    return _table(("task", *TARGETS), rows)


def _task_cell(passages: list[dict[str, Any]], name: str) -> str:
    """The aspects that hold on all machines, and how many changes the plans of the machines named."""
    mine = [passage for passage in passages if passage["task"] == name]
    if not mine:
        return "-"
    bad = [a for a in ASPECTS for p in mine if p["verdicts"].get(a, "missing") not in (GOOD, NOTHING)]
    if bad:
        return f"**not {', '.join(dict.fromkeys(bad))}**"
    held = [a for a in ASPECTS if any(p["verdicts"][a] == GOOD for p in mine)]
    words = "all five" if len(held) == len(ASPECTS) else ", ".join(held)
    return f"{words}; {' + '.join(str(len(p['foreseen'])) for p in sorted(mine, key=lambda p: p['node']))}"


def _scenarios(results: Results, file: str) -> str:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for target in TARGETS:
        for case, outcome in results[target]["cases"].items():
            where, _, name = case.partition("::")
            if where == file:
                found[title_of(name.partition("[")[0])][target].append(outcome)
    rows = [(title, *(_outcomes(by_target[t]) for t in TARGETS)) for title, by_target in found.items()]
    return _table(("scenario", *TARGETS), rows)


def title_of(function: str) -> str:
    """A test function's name as a phrase."""
    return function.removeprefix("test_").replace("_", " ")


def _outcomes(outcomes: list[str]) -> str:
    if not outcomes:
        return "-"
    if set(outcomes) != {"passed"}:
        return f"**{', '.join(sorted(set(outcomes)))}**"
    return "good" if len(outcomes) == 1 else f"good ({len(outcomes)})"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [f"| {' | '.join(head)} |"]
    lines.append("|" + "---|" * lines[0].count(" | ") + "---|")
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def main(arguments: list[str]) -> int:
    """Bring the document up to date; 2 when it was not told from what."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    results = {target: json.loads((Path(arguments[0]) / f"{target}.json").read_text()) for target in TARGETS}
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

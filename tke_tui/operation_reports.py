"""Texts about operations on a cluster that stands: certificates and their ends, what an update changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tke_tui.core.certificate_list import HERE, Row, Survey

if TYPE_CHECKING:
    from tke_tui.core.changes import Change
    from tke_tui.core.graph import Graph

_HEAD = ("where", "certificate", "ends", "days", "renewed by")


def survey_text(survey: Survey, days: int) -> str:
    """A table of all certificates, those that end within `days` marked, then a count and who could not be asked."""
    rows = [_cells(row) for row in survey.rows]
    widths = [max(len(cells[i]) for cells in (_HEAD, *rows)) for i in range(4)]
    ending = survey.ending(days)
    marks = [row in ending for row in survey.rows]
    lines = ["  " + _line(_HEAD, widths)]
    lines += [
        ("! " if mark else "  ") + _line(cells, widths) for cells, mark in zip(rows, marks, strict=True)
    ]
    total = len(survey.rows)
    lines.append(
        f"{total} certificates, {len(ending)} of them missing or at their end within {days} days"
        if ending
        else f"{total} certificates, all good for more than {days} days"
    )
    for node, error in survey.unreachable.items():
        lines.append(f"{node} could not be looked at: {error.title}")
        if error.fix:
            lines.append(f"  fix: {error.fix}")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    where = "this host" if row.where == HERE else row.where
    by = row.renewed_by or "nobody: a CA"
    if row.certificate is None:
        return where, row.place.name, "missing", "", by
    return (
        where,
        row.place.name,
        f"{row.certificate.not_after:%Y-%m-%d}",
        str(row.certificate.days_left()),
        by,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = (cell.ljust(width) for cell, width in zip(cells[:4], widths, strict=True))
    return "  ".join([*left, last.strip().rjust(widths[3]), cells[4]])


def changes_text(changes: Iterable[Change]) -> str:
    """What differs from the present input, one line each."""
    return "\n".join(["Changes:", *(f"  {change}" for change in changes)])


def planned_text(found: Iterable[tuple[str, str, list[str]]]) -> str:
    """What a dry run found: per machine and task what would be changed."""
    lines = []
    for node, task, changes in found:
        label = f"[{node}] {task}" if node else task
        lines += [f"{label}: {change}" for change in changes] or [f"{label}: nothing to do"]
    return "\n".join(lines)


def handlers_text(graph: Graph) -> str:
    """The tasks of a graph in order, each with its machines."""
    where: dict[str, list[str]] = {}
    for task in graph.included:
        where.setdefault(task.task.name, []).append(task.node)
    lines = [f"To run ({len(graph.included)} tasks):"]
    for name, nodes in where.items():
        shown = ", ".join(node for node in nodes if node)
        lines.append(f"  {name}{f'  on {shown}' if shown else ''}")
    return "\n".join(lines)

"""What an engine tells of its plan: at the beginning of a run, and when the schedule of it changes."""

from __future__ import annotations

import os

from tke_tui import __version__
from tke_tui.core import events as ev
from tke_tui.core.graph import Graph
from tke_tui.core.schedule import Change


def announcement(graph: Graph, *, resumed: bool) -> tuple[ev.Event, ...]:
    """`RunStarted`, `PlanReady`, and a `TaskSkipped` for every task that is left out; not yet stamped."""
    included = graph.included
    started = ev.RunStarted(
        version=__version__,
        pid=os.getpid(),
        resumed=resumed,
        tasks=len(included),
        nodes=tuple(dict.fromkeys(planned.node for planned in included if planned.node)),
    )
    left_out = (ev.TaskSkipped(task=p.id, why=p.left_out, by=p.by) for p in graph if p.left_out)
    return (started, _plan(graph), *left_out)


def consequences(change: Change) -> list[ev.Event]:
    """A `TaskReset` for what waits again, a `TaskBlocked` for what is held up; not yet stamped."""
    again = [ev.TaskReset(task=task) for task in change.again]
    return [*again, *(ev.TaskBlocked(task=task, on=culprit) for task, culprit in change.blocked)]


def _plan(graph: Graph) -> ev.PlanReady:
    places = {task_id: place for place, task_id in enumerate(graph.tasks)}
    return ev.PlanReady(
        tasks=tuple((p.id, p.step, p.task.name, p.node, p.task.title) for p in graph),
        needs=tuple(tuple(sorted(places[need] for need in p.needs)) for p in graph),
        skippable=tuple(dict.fromkeys(p.task.name for p in graph if p.task.skippable)),
    )

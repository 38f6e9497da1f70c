"""What an engine tells at the beginning of a run: what it is, the plan, what is left out of it."""

from __future__ import annotations

import os

from tke_tui import __version__
from tke_tui.core import events as ev
from tke_tui.core.graph import Graph


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


def _plan(graph: Graph) -> ev.PlanReady:
    places = {task_id: place for place, task_id in enumerate(graph.tasks)}
    return ev.PlanReady(
        tasks=tuple((p.id, p.step, p.task.name, p.node, p.task.title) for p in graph),
        needs=tuple(tuple(sorted(places[need] for need in p.needs)) for p in graph),
        skippable=tuple(dict.fromkeys(p.task.name for p in graph if p.task.skippable)),
    )

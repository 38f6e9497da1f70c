"""What a person asked for between two runs: which failures to try again, which one to go on without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tke_tui.core import events as ev
from tke_tui.core.graph import Graph
from tke_tui.core.schedule import WrongMoment, not_failed, refuse_unskippable, unknown
from tke_tui.core.state import FAILED, SKIPPED, RunState


@dataclass(frozen=True, slots=True)
class Again:
    """How to begin another run. `retry` None tries everything again that did not end well; else only these failures.

    `skip` ("" = none) names a failure to go on without. The other failures stay as they are.
    """

    retry: tuple[str, ...] | None = None
    skip: str = ""

    def begin(
        self, graph: Graph, state: RunState, history: Iterable[ev.Event]
    ) -> tuple[list[ev.Event], Mapping[str, ev.TaskFailed]]:
        """Events to write down before the run, not yet stamped, and the failures that it is not to try again.

        Raises `UnknownTask` or `WrongMoment` when a task is not what the wish supposes.
        """
        if self.retry is None and not self.skip:
            return [], {}
        failed = {task for task, record in state.tasks.items() if record.status == FAILED}
        events: list[ev.Event] = []
        for task in self.retry or ():
            self._require(graph, task, failed | self._skipped(state), "can be tried again")
            events.append(ev.TaskReset(task=task))
        if self.skip:
            self._require(graph, self.skip, failed, "can be skipped")
            refuse_unskippable(graph, self.skip)
            events.append(ev.TaskSkipped(task=self.skip, why=ev.SKIPPED_BY_PERSON, by="person"))
        elif not events:
            raise WrongMoment("There is nothing to try again", detail="no task has failed")
        stays = failed - {*(self.retry or ()), self.skip}
        return events, {e.task: e for e in history if isinstance(e, ev.TaskFailed) and e.task in stays}

    def _skipped(self, state: RunState) -> set[str]:
        return {task for task, record in state.tasks.items() if record.status == SKIPPED}

    def _require(self, graph: Graph, task: str, wanted: set[str], what: str) -> None:
        if task not in graph.tasks:
            raise unknown(task)
        if task not in wanted:
            raise not_failed(task, what)

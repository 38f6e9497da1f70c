"""Which tasks of a graph may run now, and what a failure, a repetition or a skip changes about that. No I/O."""

from __future__ import annotations

import enum
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tke_tui.core.errors import UsageError
from tke_tui.core.graph import Graph


class Status(enum.Enum):
    """WAITING for its needs; GOING: to be run, or at work; the rest are ends. FINE and SKIPPED let dependents go on."""

    WAITING = "waiting"
    GOING = "going"
    FINE = "fine"
    SKIPPED = "skipped"
    FAILED = "failed"
    BLOCKED = "blocked"


class UnknownTask(UsageError):
    """No task of the plan has this id."""


class WrongMoment(UsageError):
    """The task is not in a state that allows this."""


class RunOver(WrongMoment):
    """The run has ended, or is about to: nothing can be added to it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What follows: tasks that wait again, in the plan's order; tasks to run now; (task, failed task) pairs held up."""

    again: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()


class Schedule:
    """Tasks that are `ready` in a `Change` are to be run; `end` must be called for each of them once."""

    def __init__(self, graph: Graph) -> None:
        included = graph.included
        self._graph = graph
        self._needs = {planned.id: sorted(planned.needs) for planned in included}
        self._dependents: dict[str, list[str]] = defaultdict(list)
        for task, needs in self._needs.items():
            for need in needs:
                self._dependents[need].append(task)
        self._status = dict.fromkeys(self._needs, Status.WAITING)
        self._unmet = {task: len(needs) for task, needs in self._needs.items()}
        self._culprits: dict[str, str] = {}
        self._remaining = len(self._status)

    def __getitem__(self, task: str) -> Status:
        return self._status[task]

    @property
    def remaining(self) -> int:
        """How many tasks have not ended."""
        return self._remaining

    def named(self, status: Status) -> list[str]:
        """Tasks with this status, in the plan's order."""
        return [task for task, mine in self._status.items() if mine is status]

    def begin(self) -> Change:
        """The tasks that wait for nothing."""
        return self._settle(self._status)

    def end(self, task: str, *, well: bool) -> Change:
        """Note how a task ended that was to be run."""
        self._leave(task, Status.FINE if well else Status.FAILED)
        if not well:
            self._culprits[task] = task
        return self._settle(self._dependents[task])

    def retry(self, tasks: Iterable[str] = ()) -> Change:
        """Let failed (or skipped) tasks and what they held up wait again; no names = all that failed.

        Raises `UnknownTask`, and `WrongMoment` when one of them neither failed nor was skipped, or when none failed.
        """
        chosen = list(dict.fromkeys(tasks))
        for task in chosen:
            self._require(task, {Status.FAILED, Status.SKIPPED}, "can be tried again")
        chosen = chosen or self.named(Status.FAILED)
        if not chosen:
            raise WrongMoment("There is nothing to try again", detail="no task has failed")
        again = self._with_held_up(chosen)
        return replace(self._settle(again), again=again)

    def skip(self, task: str) -> Change:
        """Let what a failed task held up go on without it.

        Raises `UnknownTask`, and `WrongMoment` unless it failed and is skippable.
        """
        self._require(task, {Status.FAILED}, "can be skipped")
        refuse_unskippable(self._graph, task)
        again = tuple(other for other in self._with_held_up([task]) if other != task)
        self._leave(task, Status.SKIPPED)
        return replace(self._settle((*again, *self._dependents[task])), again=again)

    def _require(self, task: str, wanted: set[Status], what: str) -> None:
        status = self._status.get(task)
        if status is None:
            raise unknown(task)
        if status is Status.BLOCKED:
            raise WrongMoment(
                f"{task} did not fail itself",
                detail=f"it is held up by {self._culprits[task]}",
                fix=f"Choose {self._culprits[task]}.",
            )
        if status not in wanted:
            raise not_failed(task, what)

    def _with_held_up(self, tasks: list[str]) -> tuple[str, ...]:
        """Set tasks and everything that is blocked behind them back to WAITING; all of these in the plan's order."""
        found: dict[str, None] = {}
        todo = list(tasks)
        while todo:
            task = todo.pop()
            if task in found:
                continue
            found[task] = None
            todo += [other for other in self._dependents[task] if self._status[other] is Status.BLOCKED]
        for task in found:
            self._status[task] = Status.WAITING
            self._culprits.pop(task, None)
            self._remaining += 1
            for dependent in self._dependents[task]:
                self._unmet[dependent] += 1
        return tuple(task for task in self._status if task in found)

    def _leave(self, task: str, status: Status) -> None:
        self._status[task] = status
        self._remaining -= 1
        for dependent in self._dependents[task]:
            self._unmet[dependent] -= 1

    def _settle(self, tasks: Iterable[str]) -> Change:
        """Those of the tasks whose needs have all ended may run, or are held up, and then what waits for them, too."""
        ready: list[str] = []
        blocked: list[tuple[str, str]] = []
        todo = deque(tasks)
        while todo:
            task = todo.popleft()
            if self._status[task] is not Status.WAITING or self._unmet[task]:
                continue
            culprit = next(
                (self._culprits[need] for need in self._needs[task] if need in self._culprits), None
            )
            if culprit is None:
                self._status[task] = Status.GOING
                ready.append(task)
            else:
                self._leave(task, Status.BLOCKED)
                self._culprits[task] = culprit
                blocked.append((task, culprit))
                todo += self._dependents[task]
        return Change(ready=tuple(ready), blocked=tuple(blocked))


def unknown(task: str) -> UnknownTask:
    return UnknownTask(
        f"There is no task {task} in this installation",
        detail="a task is called <name> or <name>@<machine>",
        fix="See their names with: tke-tui status --all",
    )


def not_failed(task: str, what: str) -> WrongMoment:
    return WrongMoment(f"{task} has not failed", detail=f"only what failed {what}")


def refuse_unskippable(graph: Graph, task: str) -> None:
    """Raise `WrongMoment` for a task without which an installation cannot go on."""
    if not graph[task].task.skippable:
        raise WrongMoment(
            f"{task} cannot be skipped",
            detail="what comes after it would not work without it",
            fix="Mend the cause of its failure, then try it again.",
        )

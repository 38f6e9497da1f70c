"""What an installation would do, in few words: its steps, how much of each, what is left out and why, how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tke_tui.core.model.para import CreateClusterPara
from tke_tui.eta import in_order
from tke_tui.typical import typical


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step. `handlers` are (title, machines, why left out) of those it is made of; `tasks` is what will run.

    `left_out` is the sentence why the whole step is not run, "" when it is. Titles are message ids.
    """

    name: str
    title: str
    tasks: int
    machines: int
    left_out: str = ""
    handlers: tuple[tuple[str, int, str], ...] = ()

    @property
    def left_out_handlers(self) -> int:
        return sum(1 for _title, _machines, reason in self.handlers if reason)


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """`seconds` is what a run without failures is likely to take, by what is typical of each task."""

    steps: tuple[StepSummary, ...]
    machines: int
    seconds: float

    @property
    def tasks(self) -> int:
        return sum(step.tasks for step in self.steps)

    @property
    def running(self) -> int:
        """Steps that are run."""
        return sum(1 for step in self.steps if not step.left_out)

    def left_out(self) -> Iterator[tuple[str, str]]:
        """(title, reason) of each step that is not run."""
        return ((step.title, step.left_out) for step in self.steps if step.left_out)


def summarise(para: CreateClusterPara) -> PlanSummary:
    """Make the plan of an input (defaults filled in) and count. Takes a moment: every handler is imported for it."""
    from tke_tui.core.plan import build_plan

    graph = build_plan(para)
    planned = list(graph)
    by_step: dict[str, list[int]] = {}
    for index, task in enumerate(planned):
        by_step.setdefault(task.step, []).append(index)
    steps: list[StepSummary] = []
    for name, indices in by_step.items():
        own = next((planned[i] for i in indices if planned[i].task.name == name), planned[indices[0]])
        handlers: dict[str, tuple[str, int, str]] = {}
        for each in (planned[i] for i in indices):
            if each.task.name != name:
                _title, count, _reason = handlers.get(each.task.name, ("", 0, ""))
                handlers[each.task.name] = (each.task.title, count + (not each.left_out), each.left_out)
        included = [planned[i] for i in indices if not planned[i].left_out]
        nodes = {each.node for each in included if each.node}
        steps.append(
            StepSummary(
                name=name,
                title=own.task.title,
                tasks=len(included),
                machines=len(nodes),
                left_out=own.left_out if not included else "",
                handlers=tuple(handlers.values()),
            )
        )
    positions = {task.id: index for index, task in enumerate(planned)}
    needs = [[positions[need] for need in task.needs] for task in planned]
    finish = [0.0] * len(planned)
    for index in in_order(needs):
        own_seconds = 0.0 if planned[index].left_out else typical(planned[index].task.name)
        finish[index] = max((finish[need] for need in needs[index]), default=0.0) + own_seconds
    return PlanSummary(tuple(steps), len(para.machines), max(finish, default=0.0))

"""The fixed part of the picture: which tasks a plan has, in which step, row and column; and what a step adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tke_tui.core.events import PlanReady
from tke_tui.eta import guessed_needs, in_order
from tke_tui.symbols import State
from tke_tui.view_types import AT_WORK, Cell, HandlerView, StepView

_WIDTH = 5
"""Fields of a row of `PlanReady.tasks`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of `PlanReady` taken apart. `needs` are indices of rows, guessed when the journal does not say them."""

    rows: tuple[tuple[str, ...], ...] = ()
    needs: tuple[tuple[int, ...], ...] = ()
    order: tuple[int, ...] = ()
    index: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    """(name, title) in order."""
    nodes: tuple[str, ...] = ()
    skippable: frozenset[str] = frozenset()

    @classmethod
    def of(cls, event: PlanReady) -> Plan:
        """Rows that are not whole or say a task again are left out."""
        index: dict[str, int] = {}
        rows: list[tuple[str, ...]] = []
        for row in event.tasks:
            if len(row) >= _WIDTH and row[0] not in index:
                index[row[0]] = len(rows)
                rows.append(row)
        whole = len(rows) == len(event.tasks) == len(event.needs)
        needs = event.needs if whole else guessed_needs([(row[2], row[3]) for row in rows])
        titles = {row[1]: row[1] for row in rows}
        titles |= {row[1]: row[4] for row in rows if row[2] == row[1]}
        return cls(
            rows=tuple(rows),
            needs=needs,
            order=tuple(in_order(needs)),
            index=index,
            steps=tuple(titles.items()),
            nodes=tuple(dict.fromkeys(row[3] for row in rows if row[3])),
            skippable=frozenset(event.skippable),
        )

    def cells(self) -> Iterator[Cell]:
        """A pending cell per row, in order."""
        numbers = {name: number for number, (name, _) in enumerate(self.steps)}
        for task, step, name, node, title, *_ in self.rows:
            yield Cell(task, name, node, title, numbers[step])


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows and columns of what happens on machines. `rows` are `nodes`, and "" last for what runs once per cluster."""

    rows: tuple[str, ...] = ()
    columns: tuple[HandlerView, ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Task -> (row, column)."""
    tasks: Mapping[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, cells: Iterable[Cell]) -> Matrix:
        """Columns are handlers, and steps that run on machines; those that this input leaves out have none."""
        shown = [
            cell for cell in cells if not cell.absent and (cell.node or cell.name != plan.steps[cell.step][0])
        ]
        rows = plan.nodes if all(cell.node for cell in shown) else (*plan.nodes, "")
        row_of = {node: number for number, node in enumerate(rows)}
        columns: dict[str, HandlerView] = {}
        places: dict[str, tuple[int, int]] = {}
        for cell in shown:
            if cell.name not in columns:
                columns[cell.name] = HandlerView(cell.name, cell.title, len(columns) + 1, cell.step)
            places[cell.task] = (row_of[cell.node], columns[cell.name].number - 1)
        return cls(rows, tuple(columns.values()), places, {place: task for task, place in places.items()})


class StepTotals:
    """What the tasks of a step add up to. Its time is the time in which something of it was at work."""

    def __init__(self, name: str, title: str, before: StepTotals | None = None) -> None:
        self.name = name
        self.title = title
        self.present: Counter[State] = Counter()
        self.absent: Counter[State] = Counter()
        self.note = ""
        self.started: float = before.started if before else 0.0
        self.seconds: float = before.seconds if before else 0.0
        self.since = 0.0
        self._at_work = 0

    def enter(self, cell: Cell, at: float = 0.0) -> None:
        """Count a cell in."""
        self._counter(cell)[cell.state] += 1
        if cell.absent:
            self.note = cell.note
        if cell.state in AT_WORK:
            self._at_work += 1
            if self._at_work == 1:
                self.since = at
                self.started = self.started or at

    def leave(self, cell: Cell, at: float) -> None:
        """Count a cell out."""
        self._counter(cell)[cell.state] -= 1
        if cell.state in AT_WORK:
            self._at_work -= 1
            if not self._at_work:
                self.seconds += max(0.0, at - self.since)
                self.since = 0.0

    def _counter(self, cell: Cell) -> Counter[State]:
        return self.absent if cell.absent else self.present

    @property
    def total(self) -> int:
        return self.present.total()

    @property
    def done(self) -> int:
        return self.present[State.DONE] + self.present[State.SKIPPED]

    def view(self, number: int, *, running: bool) -> StepView:
        """As a record; `number` is its place among the steps of this installation, 0 when it is none of them."""
        return StepView(
            name=self.name,
            title=self.title,
            number=number,
            state=self.state(running=running),
            started=self.started,
            seconds=self.seconds,
            since=self.since,
            done=self.done,
            total=self.total,
            note=self.note if not self.total else "",
        )

    def state(self, *, running: bool) -> State:
        """One state for all of them, the one that concerns a person most; `running` = the run goes on."""
        for state in (State.FAILED, State.RETRYING, State.RUNNING):
            if self.present[state]:
                return state
        if not self.total:
            return State.SKIPPED if self.absent[State.SKIPPED] else State.LEFT_OUT
        if self.done == self.total:
            return State.DONE if self.present[State.DONE] else State.SKIPPED
        for state in (State.STOPPED, State.BLOCKED):
            if self.present[state]:
                return state
        if self.done:
            return State.RUNNING if running else State.STOPPED
        return State.PENDING

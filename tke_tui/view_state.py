"""What the screens draw: a pure fold over the engine's events, from any journal, with a note of what has changed.

`now` is always passed in; nothing here reads a clock. Whatever the order of events, folding them never raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tke_tui.core import events as ev
from tke_tui.eta import Durations, forecast
from tke_tui.symbols import State
from tke_tui.typical import typical
from tke_tui.view_fold import folded
from tke_tui.view_plan import Matrix, Plan, StepTotals
from tke_tui.view_types import AT_WORK, ENDED, Cell, Changes, FailureView, Forecast, HandlerView, StepView

UNKNOWN, DOING, SUCCESS, FAILED, CANCELLED = "unknown", "doing", "success", "failed", "cancelled"
"""Statuses of a run."""


class ViewState:
    """The picture of one installation. Feed it every event in order with `apply`; ask `take_changes` what to redraw.

    `status` is unknown, doing, success, failed or cancelled; `interrupted` when it says doing and no engine lives.
    `started` is when the present run began, `ended` when it ended (0.0 = it has not). `counts` are of the tasks that
    belong to this installation. `controller` is who may give commands, `mine` whether that is this client.
    """

    def __init__(self) -> None:
        self.status = UNKNOWN
        self.engine_alive = True
        self.resumed = False
        self.version = ""
        self.pid = 0
        self.seq = 0
        self.started = 0.0
        self.ended = 0.0
        self.exit_code: int | None = None
        self.controller = ""
        self.mine = False
        self.notices: list[ev.Notice] = []
        self.questions: list[ev.QuestionAsked] = []
        self.counts: Counter[State] = Counter()
        self._at = 0.0
        self._plan = Plan()
        self._cells: dict[str, Cell] = {}
        self._matrix: Matrix | None = None
        self._failed: dict[str, ev.TaskFailed] = {}
        self._at_work: dict[str, None] = {}
        self._held: dict[str, dict[str, None]] = {}
        self._interrupted: dict[str, tuple[Cell, Cell]] = {}
        self._totals: list[StepTotals] = []
        self._views: list[StepView] | None = None
        self._durations = Durations()
        self._weight_done = 0.0
        self._weight = 0.0
        self._version = 0
        self._forecast: tuple[int, int, Forecast] | None = None
        self._dirty = Changes(layout=True)

    # --- folding ---------------------------------------------------------------------------------------------------

    def apply(self, event: ev.Event) -> None:
        """Fold one event in. Events about tasks that the plan does not have change nothing."""
        if event.durable:
            self.seq = max(self.seq, event.seq)
        self._version += 1
        if not isinstance(event, ev.RunStarted):
            self._at = max(self._at, event.at)
        match event:
            case ev.RunStarted():
                self._run_started(event)
            case ev.PlanReady():
                self._plan_ready(event)
            case ev.TaskEvent():
                if event.task in self._cells:
                    self._task_event(event)
            case ev.Notice():
                self.notices.append(event)
                self._dirty.notices = True
            case ev.RunFinished():
                self.status, self.exit_code, self.ended = event.status, event.exit_code, event.at
                self._all_steps_changed()
            case ev.QuestionAsked() | ev.QuestionAnswered():
                self.questions = [asked for asked in self.questions if asked.question != event.question]
                if isinstance(event, ev.QuestionAsked):
                    self.questions.append(event)
                self._dirty.questions = True
            case ev.ControlChanged():
                self.controller, self.mine = event.controller, event.mine
                self._dirty.header = True

    def apply_all(self, events: Iterable[ev.Event]) -> None:
        """Fold events in, in this order."""
        for event in events:
            self.apply(event)

    def engine_gone(self) -> None:
        """No engine answers any more: what was at work counts as stopped until `engine_back` or a new run."""
        if not self.engine_alive:
            return
        self.engine_alive, self._interrupted = False, {}
        self._version += 1
        for cell in self.at_work:
            stopped = folded(cell, ev.TaskCancelled(task=cell.task, key="", at=self._at))
            self._interrupted[cell.task] = (cell, stopped)
            self._put(stopped)
        self._all_steps_changed()

    def engine_back(self) -> None:
        """The same engine answers again."""
        if self.engine_alive:
            return
        self.engine_alive = True
        self._version += 1
        for task, (cell, stopped) in self._interrupted.items():
            if self._cells.get(task) is stopped:
                self._put(cell)
        self._interrupted = {}
        self._all_steps_changed()

    def take_changes(self) -> Changes:
        """What has changed since the last call."""
        places = self._layout.places
        taken, self._dirty = self._dirty, Changes()
        taken.cells = {places[task] for task in taken.tasks if task in places}
        return taken

    def _run_started(self, event: ev.RunStarted) -> None:
        self._interrupted = {}
        for cell in list(self._cells.values()):
            if cell.state is not State.DONE or not event.resumed:
                self._put(Cell(cell.task, cell.name, cell.node, cell.title, cell.step))
        if not event.resumed:
            self._totals = [StepTotals(totals.name, totals.title, totals) for totals in self._totals]
        self._at = max(self._at, event.at)
        self.status, self.exit_code, self.ended = DOING, None, 0.0
        self.engine_alive = True
        self.resumed, self.version, self.pid = event.resumed, event.version, event.pid
        self.started = event.at
        self.questions = []
        self._matrix = None
        self._dirty.layout = True

    def _plan_ready(self, event: ev.PlanReady) -> None:
        before = self._cells
        self._plan = Plan.of(event)
        self._cells = {
            cell.task: replace(
                before[cell.task], step=cell.step, name=cell.name, node=cell.node, title=cell.title
            )
            if cell.task in before
            else cell
            for cell in self._plan.cells()
        }
        self._failed = {task: failed for task, failed in self._failed.items() if task in self._cells}
        kept = {totals.name: totals for totals in self._totals}
        self._totals = [StepTotals(name, title, kept.get(name)) for name, title in self._plan.steps]
        self.counts.clear()
        self._at_work.clear()
        self._held.clear()
        self._weight = self._weight_done = 0.0
        for cell in self._cells.values():
            self._enter(cell)
        self._matrix = None
        self._views = None
        self._dirty.layout = True

    def _task_event(self, event: ev.TaskEvent) -> None:
        old = self._cells[event.task]
        new = folded(old, event)
        if new is old:
            return
        self._put(new)
        match event:
            case ev.TaskFailed():
                self._failed[event.task] = event
            case ev.TaskSucceeded() if event.changes:
                self._durations.learn(new.name, event.seconds)
            case ev.TaskStarted():
                self.status, self.ended = DOING, 0.0
        if old.state is State.FAILED:
            self._let_go(event.task)

    def _let_go(self, task: str) -> None:
        for held in list(self._held.get(task, ())):
            self._put(replace(self._cells[held], state=State.PENDING, note=""))

    def _put(self, new: Cell) -> None:
        old = self._cells[new.task]
        self._leave(old)
        self._cells[new.task] = new
        self._enter(new)
        self._views = None
        self._dirty.tasks.add(new.task)
        self._dirty.steps.add(new.step)
        if State.FAILED in (old.state, new.state):
            self._failed.pop(new.task, None)
            self._dirty.failures = True
        if State.BLOCKED in (old.state, new.state):
            self._dirty.failures = True
        if old.state is not new.state:
            self._dirty.header = True
        if old.absent is not new.absent:
            self._matrix = None
            self._dirty.layout = True

    def _enter(self, cell: Cell) -> None:
        self._totals[cell.step].enter(cell, self._at)
        if cell.state in AT_WORK:
            self._at_work[cell.task] = None
        if cell.state is State.BLOCKED:
            self._held.setdefault(cell.note, {})[cell.task] = None
        if not cell.absent:
            self.counts[cell.state] += 1
            self._weight += typical(cell.name)
            if cell.state in ENDED:
                self._weight_done += typical(cell.name)

    def _leave(self, cell: Cell) -> None:
        self._totals[cell.step].leave(cell, self._at)
        self._at_work.pop(cell.task, None)
        if cell.state is State.BLOCKED:
            self._held.get(cell.note, {}).pop(cell.task, None)
        if not cell.absent:
            self.counts[cell.state] -= 1
            self._weight -= typical(cell.name)
            if cell.state in ENDED:
                self._weight_done -= typical(cell.name)

    def _all_steps_changed(self) -> None:
        self._views = None
        self._dirty.header = True
        self._dirty.steps.update(range(len(self._totals)))

    # --- the picture -----------------------------------------------------------------------------------------------

    @property
    def interrupted(self) -> bool:
        """The engine ended in the middle of a run."""
        return self.status == DOING and not self.engine_alive

    @property
    def _layout(self) -> Matrix:
        if self._matrix is None:
            self._matrix = Matrix.of(self._plan, self._cells.values())
        return self._matrix

    @property
    def nodes(self) -> Sequence[str]:
        """Addresses of the machines, in the order of the input."""
        return self._plan.nodes

    @property
    def rows(self) -> Sequence[str]:
        """Rows of the matrix: the machines, then "" when handlers run once for the cluster."""
        return self._layout.rows

    @property
    def handlers(self) -> Sequence[HandlerView]:
        """Columns of the matrix, in the order of the plan."""
        return self._layout.columns

    def cell(self, row: int, column: int) -> Cell | None:
        """What a row and column of the matrix show; None where that handler has nothing to do."""
        task = self._layout.tasks.get((row, column))
        return self._cells[task] if task is not None else None

    def place(self, task: str) -> tuple[int, int] | None:
        """Row and column of a task in the matrix, if it is there."""
        return self._layout.places.get(task)

    def task(self, task: str) -> Cell | None:
        """A task by its id."""
        return self._cells.get(task)

    def tasks_of_step(self, step: str) -> list[Cell]:
        """The tasks of a step by its name, in the order of the plan."""
        return [cell for cell in self._cells.values() if self._totals[cell.step].name == step]

    def tasks_of_node(self, node: str) -> list[Cell]:
        """The tasks on a machine, in the order of the plan; "" gives those that run once."""
        return [cell for cell in self._cells.values() if cell.node == node and not cell.absent]

    def waits_for(self, task: str) -> list[Cell]:
        """What has to end before a task can begin and has not ended yet."""
        index = self._plan.index.get(task)
        needs = self._plan.needs[index] if index is not None else ()
        cells = [self._cells[self._plan.rows[need][0]] for need in needs if 0 <= need < len(self._plan.rows)]
        return [cell for cell in cells if cell.state not in ENDED]

    @property
    def at_work(self) -> list[Cell]:
        """Tasks that are running or about to be repeated, in the order in which they began."""
        return [self._cells[task] for task in self._at_work]

    @property
    def steps(self) -> Sequence[StepView]:
        """Every step in order, also those that do not belong to this installation (number 0)."""
        if self._views is None:
            self._views = []
            number = 0
            running = self.status == DOING and self.engine_alive
            for totals in self._totals:
                number += 1 if totals.total else 0
                self._views.append(totals.view(number if totals.total else 0, running=running))
        return self._views

    @property
    def failures(self) -> list[FailureView]:
        """What has failed and waits for a person, in the order of time."""
        return [self._failure(failed) for failed in self._failed.values()]

    def _failure(self, failed: ev.TaskFailed) -> FailureView:
        cell = self._cells[failed.task]
        return FailureView(
            task=failed.task,
            name=cell.name,
            node=cell.node,
            step=self._totals[cell.step].name,
            task_title=cell.title,
            title=failed.title,
            detail=failed.detail,
            fix=failed.fix,
            command=failed.command,
            command_exit_code=failed.command_exit_code,
            output=failed.output,
            log=failed.log,
            at=failed.at,
            seconds=failed.seconds,
            exit_code=failed.exit_code,
            skippable=cell.name in self._plan.skippable,
            attempt=cell.attempt,
            tries=cell.tries,
            holds_up=len(self._held.get(failed.task, ())),
        )

    @property
    def total(self) -> int:
        """Tasks of this installation."""
        return self.counts.total()

    @property
    def finished(self) -> int:
        """Tasks that have ended well or are done without."""
        return self.counts[State.DONE] + self.counts[State.SKIPPED]

    def elapsed(self, now: float) -> float:
        """Seconds of the present run; 0.0 before there is one."""
        if not self.started:
            return 0.0
        end = self.ended or (now if self.engine_alive else self._at)
        return max(0.0, end - self.started)

    @property
    def progress(self) -> float:
        """0 to 1, by the usual durations of what has ended; exactly 1.0 when all has."""
        if self.total and self.finished == self.total:
            return 1.0
        under_way = sum(
            typical(cell.name) * min(1.0, cell.done / cell.total) for cell in self.at_work if cell.total
        )
        return (
            min(0.999, max(0.0, (self._weight_done + under_way) / self._weight)) if self._weight > 0 else 0.0
        )

    def forecast(self, now: float) -> Forecast:
        """When all will have ended; worked out anew once a second, and after each event."""
        if self._forecast is None or self._forecast[:2] != (self._version, int(now)):
            self._forecast = (self._version, int(now), self._foretell(now))
        return self._forecast[2]

    def _foretell(self, now: float) -> Forecast:
        if self.status != DOING or not self.engine_alive:
            return Forecast(None)
        plan = self._plan
        told = forecast(list(self._cells.values()), plan.needs, plan.order, self._durations, now)
        unsure = self.counts[State.FAILED] or self.counts[State.STOPPED]
        return Forecast(None, told.path) if unsure else told

    def eta(self, now: float) -> float | None:
        """Seconds until the end, None while nothing sensible can be said."""
        return self.forecast(now).seconds

    def critical_path(self, now: float) -> Sequence[str]:
        """Ids of the tasks that decide when it ends, next first."""
        return self.forecast(now).path

"""Runs a graph of tasks: as early as their needs allow, within budgets, with retries, every step of it journalled."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tke_tui.core import events as ev
from tke_tui.core.announce import announcement, consequences
from tke_tui.core.context import Context, Mode, Services
from tke_tui.core.disk_errors import disk_problem
from tke_tui.core.errors import ExitCode, TkeError
from tke_tui.core.failures import InternalError, error_of, failed_event, most_telling
from tke_tui.core.graph import Graph, PlannedTask
from tke_tui.core.journal import Journal
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.schedule import Change, RunOver, Schedule, Status
from tke_tui.core.snapshots import Snapshots
from tke_tui.core.state import RunState

Listener = Callable[[ev.Event], None]


@dataclass(frozen=True, slots=True)
class Budgets:
    """Upper bounds of one run. `tasks` counts tasks at work at once over all machines; delays are seconds."""

    tasks: int = 256
    retry_delay: float = 2.0
    retry_delay_max: float = 60.0
    snapshot_every: float = 2.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `status` is success, failed or cancelled; `errors` are (task id, error) in order of time.

    What failed and was then repeated or skipped is not among the failures any more.
    """

    status: str
    exit_code: ExitCode
    seconds: float
    ran: int
    skipped: int
    failed: int
    blocked: int
    errors: tuple[tuple[str, TkeError], ...] = ()


@dataclass(slots=True)
class _Counts:
    ran: int = 0
    skipped: int = 0
    errors: dict[str, TkeError] = field(default_factory=dict)


class Engine:
    """One run of one graph. Listeners hear every event in order, durable ones only once they are on disk.

    `kept` are failures of an earlier run that nobody asked to try again, by task id: they count as failed at once.
    """

    def __init__(
        self,
        graph: Graph,
        services: Services,
        journal: Journal,
        state: RunState,
        logs: NodeLogs,
        *,
        listeners: tuple[Listener, ...] = (),
        kept: Mapping[str, ev.TaskFailed] | None = None,
        budgets: Budgets | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._graph = graph
        self._services = services
        self._journal = journal
        self._state = state
        self._logs = logs
        self._listeners = list(listeners)
        self._kept = dict(kept or {})
        self._budgets = budgets or Budgets()
        self._clock = clock
        self._slots = asyncio.Semaphore(self._budgets.tasks)
        self._counts = _Counts()
        self._schedule = Schedule(graph)
        self._ready: asyncio.Queue[Sequence[str] | Exception] = asyncio.Queue()
        self._snapshots = Snapshots(services.directory.state, self._budgets.snapshot_every)
        self._cancelled = False
        self._in_graph = False
        self._main: asyncio.Task[RunResult] | None = None

    async def run(self) -> RunResult:
        """Run until nothing more can run. Failures are in the result; only a broken journal raises (`StateError`)."""
        try:
            return await self._run()
        finally:
            await self._snapshots.settle()

    async def _run(self) -> RunResult:
        started = time.monotonic()
        self._main = asyncio.current_task()
        await self._announce()
        try:
            if not self._cancelled:
                self._in_graph = True
                await self._run_graph()
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._in_graph = False
        return await self._finish(time.monotonic() - started)

    @property
    def failures(self) -> dict[str, TkeError]:
        """What has failed so far and was neither repeated nor skipped, by task id."""
        return dict(self._counts.errors)

    def cancel(self) -> None:
        """Stop: running commands are ended on the machines, everything is journalled, `run` returns `cancelled`."""
        if self._cancelled:
            return
        self._cancelled = True
        if self._main is not None and self._in_graph:
            self._main.cancel()

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        """Try failed or skipped tasks (ids) again, and what they held up; none named = all that failed.

        Returns when it is written down. Raises `UnknownTask`, `WrongMoment`, or `RunOver`.
        """
        self._require_at_work()
        change = self._schedule.retry(tasks)
        for task in change.again:
            self._counts.errors.pop(task, None)
            self._kept.pop(task, None)
        await self._follow(change)

    async def skip(self, task: str) -> None:
        """Go on without a failed task. Raises as `retry`; `WrongMoment` also when it must not be skipped."""
        self._require_at_work()
        change = self._schedule.skip(task)
        self._counts.errors.pop(task, None)
        self._counts.skipped += 1
        await self._follow(change, ev.TaskSkipped(task=task, why=ev.SKIPPED_BY_PERSON, by="person"))

    def _require_at_work(self) -> None:
        if not self._in_graph or self._cancelled or not self._schedule.remaining:
            raise RunOver("The run is over", fix="Begin another one: tke-tui --resume")

    async def _follow(self, change: Change, *first: ev.Event) -> None:
        """Write down what follows from a change, then let run what may; also when the caller is cancelled meanwhile."""
        try:
            await asyncio.shield(self._post(*first, *consequences(change), then=self._releasing(change)))
        except Exception as error:
            self._ready.put_nowait(error)
            raise

    def _releasing(self, change: Change) -> Callable[[], None]:
        return lambda: self._ready.put_nowait(change.ready)

    async def _announce(self) -> None:
        await self._emit(*announcement(self._graph, resumed=bool(self._state.tasks)))
        self._counts.skipped = len(self._graph.tasks) - len(self._graph.included)

    async def _run_graph(self) -> None:
        self._ready.put_nowait(self._schedule.begin().ready)
        async with asyncio.TaskGroup() as group:
            while self._schedule.remaining or not self._ready.empty():
                ready = await self._ready.get()
                if isinstance(ready, Exception):
                    raise ready
                for task_id in ready:
                    group.create_task(self._run_one(self._graph[task_id]), name=task_id)

    async def _run_one(self, planned: PlannedTask) -> None:
        """Bring one task to its end, whatever that takes."""
        kept = self._kept.get(planned.id)
        if kept is not None:
            self._counts.errors[planned.id] = error_of(kept)
            return await self._end(planned, kept)
        try:
            key = planned.key(self._services.para, self._services.bundle, self._services.options)
        except Exception as error:
            if self._state.left_by_person(planned.id, planned.id):
                return await self._pass_by(planned, ev.SKIPPED_BY_PERSON, "person")
            return await self._end(
                planned, self._failed(planned, planned.id, self._explain(planned, error), 0.0)
            )
        if self._state.ended_well(planned.id, key):
            return await self._pass_by(planned, "it ended well before, with the same inputs", "done")
        if self._state.left_by_person(planned.id, key):
            return await self._pass_by(planned, ev.SKIPPED_BY_PERSON, "person")
        async with self._slots:
            return await self._attempt(planned, key)

    async def _pass_by(self, planned: PlannedTask, why: str, by: str) -> None:
        self._counts.skipped += 1
        await self._end(planned, ev.TaskSkipped(task=planned.id, why=why, by=by))

    async def _attempt(self, planned: PlannedTask, key: str) -> None:
        self._counts.ran += 1
        try:
            outcome = await self._work(planned, key)
        except asyncio.CancelledError:
            await self._emit(ev.TaskCancelled(task=planned.id, key=key))
            raise
        await self._end(planned, outcome)

    async def _end(self, planned: PlannedTask, outcome: ev.TaskEvent) -> None:
        """Write the outcome down. What follows from it is fixed before anybody hears of it and can wish for more."""
        following: list[asyncio.Future[None]] = []

        def ended() -> None:
            change = self._schedule.end(planned.id, well=not isinstance(outcome, ev.TaskFailed))
            if events := consequences(change):
                following.append(self._post(*events, then=self._releasing(change)))
            else:
                self._ready.put_nowait(change.ready)

        await self._emit(outcome, then=ended)
        if following:
            await asyncio.gather(*following)

    async def _work(self, planned: PlannedTask, key: str) -> ev.TaskSucceeded | ev.TaskFailed:
        attempt = 1
        while True:
            started = time.monotonic()
            await self._emit(ev.TaskStarted(task=planned.id, key=key, attempt=attempt))
            context = self._context(planned)
            try:
                await planned.task.run(context)
            except Exception as error:
                if _is_being_cancelled():
                    # A library made another error of the cancellation.
                    raise asyncio.CancelledError from error
                explained = self._explain(planned, error)
                if not explained.retryable or attempt >= planned.task.attempts:
                    return self._failed(planned, key, explained, time.monotonic() - started)
                await self._pause(planned, explained, attempt)
                attempt += 1
                continue
            return ev.TaskSucceeded(
                task=planned.id,
                key=key,
                seconds=round(time.monotonic() - started, 3),
                changes=tuple(self._services.secrets.redact(change) for change in context.changes),
            )

    async def _pause(self, planned: PlannedTask, error: TkeError, attempt: int) -> None:
        back_off = min(self._budgets.retry_delay_max, self._budgets.retry_delay * 2 ** (attempt - 1))
        delay = error.retry_after if error.retry_after is not None else back_off * random.uniform(0.75, 1.25)  # noqa: S311
        redact = self._services.secrets.redact
        await self._emit(
            ev.TaskRetrying(
                task=planned.id,
                attempt=attempt,
                attempts=planned.task.attempts,
                delay=round(delay, 2),
                title=redact(error.title),
                detail=redact(error.detail),
            )
        )
        await asyncio.sleep(delay)

    def _failed(self, planned: PlannedTask, key: str, error: TkeError, seconds: float) -> ev.TaskFailed:
        self._counts.errors[planned.id] = error.with_traceback(None)
        log = str(self._services.directory.node_log(planned.node))
        redact = self._services.secrets.redact
        return failed_event(planned.id, key, error, seconds=seconds, log=log, redact=redact)

    def _explain(self, planned: PlannedTask, error: Exception) -> TkeError:
        if isinstance(error, TkeError):
            return error
        if isinstance(error, OSError) and (local := disk_problem(error)) is not None:
            return local
        for line in traceback.format_exception(error):
            for part in line.rstrip().splitlines():
                self._line(planned, planned.node, "note", part)
        return InternalError(
            f"{planned.task.name} stopped on an error of tke-tui itself",
            detail=f"{type(error).__name__}: {error}",
            fix=f"Report it with {self._services.directory.node_log(planned.node)}; "
            "what was done is kept: continue with --resume.",
        )

    def _context(self, planned: PlannedTask) -> Context:
        return Context(
            self._services,
            planned.machine,
            Mode.RUN,
            emit_line=lambda node, stream, line: self._line(planned, node, stream, line),
            emit_progress=lambda done, total, text: self._progress(planned, done, total, text),
        )

    def _line(self, planned: PlannedTask, node: str, stream: str, line: str) -> None:
        line = self._services.secrets.redact(line)
        self._logs.write(node, self._clock(), planned.task.name, stream, line)
        self._mention(ev.LogLine(task=planned.id, node=node, stream=stream, line=line))

    def _progress(self, planned: PlannedTask, done: int, total: int, text: str) -> None:
        text = self._services.secrets.redact(text)
        self._mention(ev.TaskProgress(task=planned.id, done=done, total=total, text=text))

    async def _emit(self, *events: ev.Event, then: Callable[[], None] = lambda: None) -> None:
        """Write durable events down, then fold them in and tell them; also when the caller is cancelled meanwhile."""
        await asyncio.shield(self._post(*events, then=then))

    def _post(self, *events: ev.Event, then: Callable[[], None]) -> asyncio.Future[None]:
        """As `_emit`, without waiting: the order of the events is that of the calls."""
        stamped = [self._stamped(event) for event in events]
        return self._journal.post(stamped, then=lambda: self._publish(stamped, then))

    def _publish(self, events: list[ev.Event], then: Callable[[], None]) -> None:
        for event in events:
            self._state.apply(event)
        then()
        for event in events:
            self._tell(event)
        self._snapshots.offer(self._state)

    def _mention(self, event: ev.Event) -> None:
        """Tell an event that is not kept, in its turn: after the durable ones before it."""
        stamped = self._stamped(event)
        self._journal.after_pending(lambda: self._tell(stamped))

    def _stamped(self, event: ev.Event) -> ev.Event:
        return stamp(event, self._journal.next_seq(), self._clock())

    def _tell(self, event: ev.Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:
                # A broken screen must not stop an installation.
                self._listeners.remove(listener)
                for line in traceback.format_exception(error):
                    self._logs.write("", self._clock(), "listener", "note", line.rstrip())

    async def _finish(self, seconds: float) -> RunResult:
        errors = tuple(self._counts.errors.items())
        if self._cancelled:
            status, exit_code = "cancelled", ExitCode.CANCELLED
        elif errors:
            status, exit_code = "failed", most_telling(error for _, error in errors)
        else:
            status, exit_code = "success", ExitCode.OK
        blocked = len(self._schedule.named(Status.BLOCKED))
        result = RunResult(
            status,
            exit_code,
            seconds,
            self._counts.ran,
            self._counts.skipped,
            len(errors),
            blocked,
            errors,
        )
        await self._emit(
            ev.RunFinished(
                status=status,
                exit_code=int(exit_code),
                seconds=round(seconds, 3),
                ran=result.ran,
                skipped=result.skipped,
                failed=result.failed,
                blocked=blocked,
            )
        )
        await self._snapshots.finish(self._state)
        return result


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def stamp(event: ev.Event, seq: int, at: float) -> ev.Event:
    """The same event with its place in the journal."""
    return replace(event, seq=seq, at=at)

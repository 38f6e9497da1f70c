"""What the engine tells the world, as frozen records that survive a round trip through JSON.

Every client draws a pure fold over these events, so attaching late, tests and bug reports share one path.
Evolution is additive: a reader ignores kinds and fields that it does not know.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

SKIPPED_BY_PERSON = "it failed, and a person chose to go on without it"
"""The `why` of a failure that a person skipped."""

_fields: dict[type[Any], tuple[str, ...]] = {}


def _field_names(cls: type[Any]) -> tuple[str, ...]:
    names = _fields.get(cls)
    if names is None:
        names = _fields[cls] = tuple(field.name for field in dataclasses.fields(cls))
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`seq` grows by one per event of an installation directory; `at` is seconds since the epoch (UTC)."""

    kind: ClassVar[str] = ""
    durable: ClassVar[bool] = True
    """Durable events go to the journal before anybody hears of them; others only to logs and listeners."""

    seq: int = 0
    at: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind} | {name: getattr(self, name) for name in _field_names(type(self))}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        values: dict[str, Any] = {}
        for name in _field_names(cls):
            if name in data:
                value = data[name]
                values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """An engine began to work; `resumed` when the journal already held records. `pid` is the engine's."""

    kind = "run_started"
    version: str
    pid: int
    resumed: bool
    tasks: int
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReady(Event):
    """The plan in order: each row is (task id, step, handler or "", node or "", title).

    `needs` has a row per task: positions in `tasks` of what it waits for; () in a journal of an older version.
    `skippable` are the names of the tasks (rows' third entry) that a person may go on without.
    """

    kind = "plan_ready"
    tasks: tuple[tuple[str, ...], ...]
    needs: tuple[tuple[int, ...], ...] = ()
    skippable: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(
            seq=data["seq"],
            at=data["at"],
            tasks=tuple(tuple(row) for row in data["tasks"]),
            needs=tuple(tuple(row) for row in data.get("needs", ())),
            skippable=tuple(data.get("skippable", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(Event):
    """Something about one task; `task` is its id: `<name>` or `<name>@<node>`."""

    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(TaskEvent):
    """Intent: written before the task may change anything. `key` identifies the inputs (task id + hash)."""

    kind = "task_started"
    key: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSucceeded(TaskEvent):
    """The task ended well. `changes` says what it changed, in its own words; none means all was as it should be."""

    kind = "task_succeeded"
    key: str
    seconds: float
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """The task failed for good in this run. `exit_code` is the process exit code it stands for."""

    kind = "task_failed"
    key: str
    seconds: float
    title: str
    detail: str = ""
    fix: str = ""
    exit_code: int = 5
    command: str = ""
    command_exit_code: int | None = None
    output: tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetrying(TaskEvent):
    """An attempt failed and will be repeated after `delay` seconds: attempt `attempt` of `attempts` was the last."""

    kind = "task_retrying"
    attempt: int
    attempts: int
    delay: float
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSkipped(TaskEvent):
    """The task is not run. `why` is a sentence; `by` is condition, skip_steps, person or done (ended well before).

    By a person it follows a failure: what the failure held up goes on.
    """

    kind = "task_skipped"
    why: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBlocked(TaskEvent):
    """The task cannot run since `on` (a task id) failed."""

    kind = "task_blocked"
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReset(TaskEvent):
    """The task waits for its turn again, after it had failed, was held up or skipped: a person wants it (re)tried."""

    kind = "task_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """The task was stopped in the middle; it runs again on resume."""

    kind = "task_cancelled"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress(TaskEvent):
    """How far a task is: `done` of `total` (bytes, images, …; total 0 = unknown) with a short text."""

    kind = "task_progress"
    durable = False
    done: int
    total: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine(Event):
    """One line of output. `node` is empty for the installer itself; `stream` is stdout, stderr or note."""

    kind = "log_line"
    durable = False
    task: str
    node: str
    stream: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something a person should know that belongs to no task, e.g. a damaged journal tail that was cut off."""

    kind = "notice"
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The engine stopped. `status` is success, failed or cancelled; counts are of this run."""

    kind = "run_finished"
    status: str
    exit_code: int
    seconds: float
    ran: int
    skipped: int
    failed: int
    blocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Event):
    """The engine waits for a person. `topic` is host_key: is this unknown host key the machine's own?

    `question` identifies it for the answer; `fingerprint` is the `SHA256:…` form. Pending questions are repeated to
    every client that attaches. Belongs to no journal: `seq` is 0.
    """

    kind = "question_asked"
    durable = False
    question: str
    topic: str
    host: str
    port: int
    algorithm: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered(Event):
    """A question is no longer open: somebody answered it, or nobody needs the answer any more. `seq` is 0."""

    kind = "question_answered"
    durable = False
    question: str
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChanged(Event):
    """Who may give commands: `controller` as a phrase ("root on pts/3 since 14:02"), "" when nobody holds it.

    `mine` is true for the client that holds it. Told to every client that attaches. `seq` is 0.
    """

    kind = "control_changed"
    durable = False
    controller: str
    mine: bool


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunStarted,
        PlanReady,
        TaskStarted,
        TaskSucceeded,
        TaskFailed,
        TaskRetrying,
        TaskSkipped,
        TaskBlocked,
        TaskReset,
        TaskCancelled,
        TaskProgress,
        LogLine,
        Notice,
        RunFinished,
        QuestionAsked,
        QuestionAnswered,
        ControlChanged,
    )
}


def event_from_dict(data: dict[str, Any]) -> Event | None:
    """Read an event written by `Event.as_dict`; None for a kind that this version does not know."""
    cls = KINDS.get(data.get("kind", ""))
    return cls.from_dict(data) if cls is not None else None

"""What screens draw: frozen records that `view_state` makes out of events. Times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tke_tui.symbols import State

ENDED = frozenset({State.DONE, State.SKIPPED, State.LEFT_OUT})
"""States of a task that nothing waits for any more."""

AT_WORK = frozenset({State.RUNNING, State.RETRYING})


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that failed and was repeated: its number from 1, when it ended and why."""

    number: int
    at: float
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One task: a step, or a handler on one machine.

    `task` is its id, `node` its machine ("" = once for the whole cluster), `title` a sentence in the imperative.
    `attempt` of `attempts` is the one at work or the last one; `attempts` is 0 until it is known. `started` is when
    that attempt began, `seconds` how long it took (0 while it is at work), `until` when the next attempt begins.
    `note` is text of the installer: why it is skipped, the name of what holds it up, the last progress.
    """

    task: str
    name: str
    node: str
    title: str
    step: int
    """Index into `ViewState.steps`."""
    state: State = State.PENDING
    attempt: int = 1
    attempts: int = 0
    started: float = 0.0
    seconds: float = 0.0
    until: float = 0.0
    note: str = ""
    done: int = 0
    total: int = 0
    by: str = ""
    """Who said that it is skipped: condition, skip_steps, person, or done (it had ended well before)."""
    changes: tuple[str, ...] = ()
    tries: tuple[Attempt, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether the plan of this input does without it: it is no part of any count."""
        return self.by in ("condition", "skip_steps")

    def elapsed(self, now: float) -> float:
        """Seconds at work: of the present attempt, or of the last one; 0 when it never began."""
        if self.state is State.RUNNING and self.started:
            return max(0.0, now - self.started)
        return self.seconds


@dataclass(frozen=True, slots=True)
class FailureView:
    """A task that has failed and waits for a person. `title`, `detail` and `fix` are the error's.

    `holds_up` counts the tasks that cannot run because of it.
    """

    task: str
    name: str
    node: str
    step: str
    task_title: str
    title: str
    detail: str
    fix: str
    command: str
    command_exit_code: int | None
    output: tuple[str, ...]
    log: str
    at: float
    seconds: float
    exit_code: int
    skippable: bool
    attempt: int = 1
    tries: tuple[Attempt, ...] = ()
    holds_up: int = 0


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with its handlers: `done` of `total` tasks have ended well.

    `number` counts the steps that belong to this installation, from 1; it is 0 for one that does not. `seconds` is
    the time in which something of it was at work, without what is at work `since` then (0.0 = nothing is).
    """

    name: str
    title: str
    number: int
    state: State
    started: float
    seconds: float
    since: float
    done: int
    total: int
    note: str = ""

    def elapsed(self, now: float) -> float:
        return self.seconds + (max(0.0, now - self.since) if self.since else 0.0)


@dataclass(frozen=True, slots=True)
class HandlerView:
    """A column of the matrix: `number` from 1, `step` an index into `ViewState.steps`."""

    name: str
    title: str
    number: int
    step: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it will end: `seconds` from now, None when nothing sensible can be said.

    `path` names the tasks, next first, whose times add up to it; `steps` gives the seconds until the end of each step
    that has not ended, by index.
    """

    seconds: float | None
    path: tuple[str, ...] = ()
    steps: Mapping[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What is not as it was when it was last asked for. With `layout`, everything has to be drawn again."""

    layout: bool = False
    cells: set[tuple[int, int]] = field(default_factory=set)
    """(row, column) of the matrix."""
    tasks: set[str] = field(default_factory=set)
    steps: set[int] = field(default_factory=set)
    failures: bool = False
    header: bool = False
    questions: bool = False
    notices: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.layout
            or self.cells
            or self.tasks
            or self.steps
            or self.failures
            or self.header
            or self.questions
            or self.notices
        )

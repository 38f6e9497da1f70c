"""A failure of a task as an error, as an event in the journal, and as the exit code of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tke_tui.core.errors import (
    Evidence,
    ExitCode,
    NotReady,
    PreflightFailed,
    TkeError,
    Unreachable,
    UsageError,
)
from tke_tui.core.events import TaskFailed


class InternalError(TkeError):
    """A bug: an exception nobody explained."""

    exit_code = ExitCode.INTERNAL


_KINDS: dict[int, type[TkeError]] = {
    int(kind.exit_code): kind
    for kind in (InternalError, UsageError, Unreachable, PreflightFailed, TkeError, NotReady)
}


def failed_event(
    task: str, key: str, error: TkeError, *, seconds: float, log: str, redact: Callable[[str], str]
) -> TaskFailed:
    """The event of a failure, without secrets; `log` is the path of the log to read."""
    evidence = error.evidence or Evidence()
    return TaskFailed(
        task=task,
        key=key,
        seconds=round(seconds, 3),
        title=redact(error.title),
        detail=redact(error.detail),
        fix=redact(error.fix),
        exit_code=int(error.exit_code),
        command=redact(evidence.command),
        command_exit_code=evidence.exit_code,
        output=tuple(redact(line) for line in evidence.output),
        log=log,
    )


def error_of(event: TaskFailed) -> TkeError:
    """The error that an event tells of."""
    evidence = Evidence(event.command, event.command_exit_code, event.output)
    kind = _KINDS.get(event.exit_code, TkeError)
    return kind(event.title, detail=event.detail, fix=event.fix, evidence=evidence)


def most_telling(errors: Iterable[TkeError]) -> ExitCode:
    """One exit code for several failures: the one a caller can act on first (unreachable before preflight, …)."""
    order = (
        ExitCode.INTERNAL,
        ExitCode.USAGE,
        ExitCode.UNREACHABLE,
        ExitCode.PREFLIGHT,
        ExitCode.FAILED,
        ExitCode.NOT_READY,
    )
    return min((error.exit_code for error in errors), key=order.index)

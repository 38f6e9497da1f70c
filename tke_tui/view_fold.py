"""What an event makes of the task it is about."""

from __future__ import annotations

from dataclasses import replace

from tke_tui.core import events as ev
from tke_tui.symbols import State
from tke_tui.view_types import AT_WORK, Attempt, Cell


def folded(cell: Cell, event: ev.TaskEvent) -> Cell:
    """The cell after the event; the same object when the event says nothing about its state."""
    match event:
        case ev.TaskStarted():
            return replace(
                _waiting(cell),
                state=State.RUNNING,
                attempt=max(1, event.attempt),
                attempts=cell.attempts,
                started=event.at,
                tries=cell.tries if event.attempt > 1 else (),
            )
        case ev.TaskSucceeded():
            return replace(
                cell, state=State.DONE, seconds=event.seconds, note="", by="", changes=event.changes
            )
        case ev.TaskFailed():
            return replace(cell, state=State.FAILED, seconds=event.seconds, note=event.title, by="")
        case ev.TaskRetrying():
            return replace(
                cell,
                state=State.RETRYING,
                attempt=event.attempt,
                attempts=event.attempts,
                seconds=max(0.0, event.at - cell.started) if cell.started else 0.0,
                until=event.at + event.delay,
                note=event.title,
                by="",
                tries=(*cell.tries, Attempt(event.attempt, event.at, event.title, event.detail)),
            )
        case ev.TaskSkipped():
            return _skipped(cell, event)
        case ev.TaskBlocked():
            return replace(_waiting(cell), state=State.BLOCKED, note=event.on)
        case ev.TaskReset():
            return _waiting(cell)
        case ev.TaskCancelled():
            seconds = max(0.0, event.at - cell.started) if cell.started else 0.0
            return replace(cell, state=State.STOPPED, seconds=seconds, note="", by="")
        case ev.TaskProgress() if cell.state in AT_WORK:
            return replace(cell, done=max(0, event.done), total=max(0, event.total), note=event.text)
        case _:
            return cell


def _waiting(cell: Cell) -> Cell:
    return Cell(cell.task, cell.name, cell.node, cell.title, cell.step)


def _skipped(cell: Cell, event: ev.TaskSkipped) -> Cell:
    match event.by:
        case "done":
            return replace(cell, state=State.DONE, note="", by="done")
        case "condition":
            return replace(_waiting(cell), state=State.LEFT_OUT, note=event.why, by=event.by)
        case _:
            return replace(_waiting(cell), state=State.SKIPPED, note=event.why, by=event.by)

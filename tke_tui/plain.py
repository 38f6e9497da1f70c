"""Line output of a run, for terminals without a screen, CI and serial lines: readable lines or JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TextIO

from tke_tui.core import events as ev
from tke_tui.core.simulated import any_simulated
from tke_tui.core.state import name_and_node
from tke_tui.printer import Printer
from tke_tui.terminal import harmless

PROGRESS_EVERY = 5.0
"""Seconds between two progress lines of the same task."""


class JsonLines:
    """Every event as one JSON object per line, in order of `seq`. Call `close` at the end."""

    def __init__(self, stream: TextIO | None) -> None:
        self._printer = Printer(stream)

    def note(self, text: str) -> None:
        """Something that is no event: not for readers of events."""

    def close(self) -> None:
        self._printer.close()

    def __call__(self, event: ev.Event) -> None:
        self._printer.line(json.dumps(event.as_dict(), ensure_ascii=False))


class PlainLines:
    """One readable line per thing that happened: time, [node], task, what.

    `verbose` also prints the output of remote commands as it comes, each task that this input leaves out, and each
    that a failure kept from running. Times are local, `HH:MM:SS`. Call `close` at the end.
    """

    def __init__(
        self, stream: TextIO | None, *, verbose: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._printer = Printer(stream)
        self._verbose = verbose
        self._clock = clock
        self._last_progress: dict[str, float] = {}
        self._failed: set[str] = set()
        self._done_before = 0
        self._simulated = False

    def __call__(self, event: ev.Event) -> None:
        text = self._text(event)
        if text is not None:
            self._line(event.at, text)

    def note(self, text: str) -> None:
        """Something that is no event, e.g. that a signal was heard."""
        self._line(time.time(), text)

    def _line(self, at: float, text: str) -> None:
        self._printer.line(f"{time.strftime('%H:%M:%S', time.localtime(at))} {harmless(text)}")

    def close(self) -> None:
        self._printer.close()

    def _text(self, event: ev.Event) -> str | None:
        match event:
            case ev.RunStarted():
                self._simulated = any_simulated(event.nodes)
                verb = "Resuming" if event.resumed else "Starting"
                machines = f"{len(event.nodes)} {'SIMULATED ' if self._simulated else ''}machine(s)"
                return f"{verb}: {event.tasks} tasks on {machines}, engine process {event.pid}"
            case ev.TaskStarted() if "@" not in event.task and event.attempt == 1:
                return f"{_label(event.task)} ..."
            case ev.TaskSucceeded():
                return f"{_label(event.task)} ok {_seconds(event.seconds)}{_changes(event.changes)}"
            case ev.TaskFailed():
                self._failed.add(event.task)
                return f"{_label(event.task)} FAILED: {event.title}{_one_line(event.detail)}"
            case ev.TaskRetrying():
                return (
                    f"{_label(event.task)} retry {event.attempt}/{event.attempts - 1} in {event.delay:.0f} s: "
                    f"{event.title}{_one_line(event.detail)}"
                )
            case ev.TaskSkipped(by="done"):
                self._done_before += 1
                return None
            case ev.TaskSkipped(by="condition") if not self._verbose:
                return None
            case ev.TaskSkipped():
                return f"{_label(event.task)} skipped: {event.why}"
            case ev.TaskBlocked() if self._verbose:
                return f"{_label(event.task)} not run: it needs {event.on}, which failed"
            case ev.TaskReset() if event.task in self._failed or self._verbose:
                self._failed.discard(event.task)
                return f"{_label(event.task)} is tried again when its turn comes"
            case ev.TaskCancelled():
                return f"{_label(event.task)} stopped; it runs again on resume"
            case ev.TaskProgress():
                return self._progress(event)
            case ev.LogLine() if self._verbose:
                node = f"[{event.node}] " if event.node else ""
                return f"{node}{name_and_node(event.task)[0]} {event.stream} | {event.line}"
            case ev.Notice():
                return f"{event.level}: {event.text}"
            case ev.RunFinished():
                return self._finished(event)
            case _:
                return None

    def _progress(self, event: ev.TaskProgress) -> str | None:
        now = self._clock()
        if now - self._last_progress.get(event.task, -PROGRESS_EVERY) < PROGRESS_EVERY:
            return None
        self._last_progress[event.task] = now
        amount = f"{event.done}/{event.total}" if event.total else str(event.done)
        return f"{_label(event.task)} {amount} {event.text}".rstrip()

    def _finished(self, event: ev.RunFinished) -> str:
        parts = [f"{event.ran} tasks run"]
        if event.skipped:
            before = f" ({self._done_before} done before)" if self._done_before else ""
            parts.append(f"{event.skipped} skipped{before}")
        if event.failed:
            parts.append(f"{event.failed} failed")
        if event.blocked:
            parts.append(f"{event.blocked} not run")
        word = f"{event.status.upper()}{' (SIMULATED)' if self._simulated else ''}"
        return f"{word} after {_seconds(event.seconds)}: {', '.join(parts)}"


def _label(task: str) -> str:
    name, node = name_and_node(task)
    return f"[{node}] {name}" if node else name


def _one_line(detail: str) -> str:
    return f" - {detail}" if detail and "\n" not in detail else ""


def _seconds(value: float) -> str:
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds} s"


def _changes(changes: tuple[str, ...]) -> str:
    if not changes:
        return ", nothing to change"
    return f", {len(changes)} change{'s' if len(changes) > 1 else ''}"

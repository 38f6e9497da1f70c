"""`tke-tui status` and `tke-tui logs`: what an installation directory tells, also beside a running engine."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tke_tui.core import events as ev
from tke_tui.core.errors import StateError
from tke_tui.core.installation import has_installation
from tke_tui.core.journal import read_events
from tke_tui.core.lock import holder_of
from tke_tui.core.operations import unfinished
from tke_tui.core.paths import InstallDir
from tke_tui.core.simulated import NOTE, simulated_input
from tke_tui.core.state import CANCELLED, FAILED, RUNNING, SUCCEEDED, RunState, TaskRecord, name_and_node

_WORDS = {SUCCEEDED: "done", FAILED: "failed", RUNNING: "running", CANCELLED: "stopped"}
_ORDER = ("done", "running", "interrupted", "stopped", "failed", "held up", "to do")
_SHOWN = 10
"""Failures that are printed in full; more are only counted."""


@dataclass(slots=True)
class _Story:
    """The journal as a person wants it told: the plan of the last run, what became of each task, its last failure."""

    state: RunState = field(default_factory=RunState)
    planned: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    failures: dict[str, ev.TaskFailed] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0

    def tell(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            self.state.apply(event)
            match event:
                case ev.RunStarted():
                    self.left_out.clear()
                    self.blocked.clear()
                    self.began = event.at
                case ev.PlanReady():
                    self.planned = [row[0] for row in event.tasks]
                case ev.TaskSkipped() if event.by != "done":
                    self.left_out[event.task] = event.why
                case ev.TaskBlocked():
                    self.blocked[event.task] = event.on
                case ev.TaskReset():
                    self.blocked.pop(event.task, None)
                    self.left_out.pop(event.task, None)
                case ev.TaskFailed():
                    self.failures[event.task] = event
                case ev.RunFinished():
                    self.ended = event.at

    def word(self, task: str, alive: bool) -> str:
        """One of `_ORDER`, or `left out`."""
        if task in self.left_out:
            return "left out"
        record = self.state.tasks.get(task)
        if task in self.blocked and not (record and record.status == SUCCEEDED):
            return "held up"
        if record is None:
            return "to do"
        if record.status == RUNNING and not alive:
            return "interrupted"
        return _WORDS.get(record.status, record.status)


def status_text(directory: InstallDir, *, every: bool = False) -> str:
    """How far an installation is, from its journal alone; `every` lists each task.

    Raises `StateError` when there is none, or when its journal is of another version.
    """
    if not has_installation(directory):
        raise StateError(
            f"There is no installation in {directory.root}",
            fix="Name its directory with --dir, or start one with: tke-tui install -c FILE --bundle DIR.",
        )
    holder = holder_of(directory.lock)
    story = _Story()
    story.tell(read_events(directory.journal))
    words = {task: story.word(task, bool(holder)) for task in story.planned}
    lines = [f"{directory.root}: {_headline(story, holder)}"]
    if simulated_input(directory.para):
        lines.append(NOTE)
    if words:
        lines.append(_counts(words))
    if every:
        lines += [_row(task, word, story) for task, word in words.items()]
    lines += _failures(story, [task for task, word in words.items() if word == "failed"])
    lines += _running(story, [task for task, word in words.items() if word == "running"])
    if not holder and story.state.status != "success":
        lines += ["", f"Continue with: tke-tui --resume --dir {directory.root}"]
    elif begun := unfinished(directory):
        ends = "At work, or broken off and continued with" if holder else "Broken off; continue with"
        lines += ["", *(f"{ends}: {command}" for command in begun)]
    return "\n".join(lines)


def log_file(directory: InstallDir, node: str) -> Path:
    """The log of a machine ("" = the installer's). Raises `StateError` naming the logs there are."""
    path = directory.node_log(node)
    if path.parent == directory.logs and path.is_file():
        return path
    there = sorted(entry.stem for entry in directory.logs.glob("*.log"))
    raise StateError(
        f"There is no log of {node or 'the installer'} in {directory.logs}",
        detail=f"there are logs of: {', '.join(there)}" if there else "nothing was run here yet",
        fix="Name a machine with --node IP and the installation directory with --dir DIR.",
    )


def _headline(story: _Story, holder: str) -> str:
    if holder:
        return f"running ({holder})"
    state = story.state
    if state.status == "unknown":
        return "not started"
    if state.status == "doing":
        return f"interrupted; last begun {_moment(story.began)}"
    return f"{state.status}, {_moment(story.ended)}"


def _counts(words: dict[str, str]) -> str:
    counts = Counter(words.values())
    left_out = counts.pop("left out", 0)
    machines = {node for task in words if (node := name_and_node(task)[1])}
    parts = [f"{counts[word]} {word}" for word in _ORDER if counts[word]]
    return (
        f"{len(words) - left_out} tasks on {len(machines)} machine(s): {', '.join(parts)}"
        f" ({left_out} not part of this installation)"
    )


def _row(task: str, word: str, story: _Story) -> str:
    record = story.state.tasks.get(task)
    tail = ""
    if word == "left out":
        tail = story.left_out[task]
    elif word == "held up":
        tail = f"by {story.blocked[task]}"
    elif record is not None:
        tail = f"{record.seconds:.1f} s" if word in ("done", "failed") else f"since {_moment(record.started)}"
    return f"{word:<12} {_label(task)}{f'  {tail}' if tail else ''}"


def _failures(story: _Story, failed: list[str]) -> list[str]:
    lines: list[str] = []
    for task in failed[:_SHOWN]:
        failure = story.failures[task]
        lines += ["", f"{_label(task)} failed, {_moment(failure.at)}: {failure.title}"]
        if failure.detail:
            lines.append(textwrap.indent(failure.detail, "  "))
        if failure.command:
            lines.append(f"  command: {failure.command} (exit code {failure.command_exit_code})")
        if failure.fix:
            lines.append(f"  fix: {failure.fix}")
        lines.append(f"  log: {failure.log}")
    if len(failed) > _SHOWN:
        lines += ["", f"... and {len(failed) - _SHOWN} more failed: tke-tui status --all"]
    return lines


def _running(story: _Story, running: list[str]) -> list[str]:
    if not running:
        return []
    lines = ["", "Running:"]
    for task in running[:_SHOWN]:
        record: TaskRecord = story.state.tasks[task]
        again = f", attempt {record.attempt}" if record.attempt > 1 else ""
        lines.append(f"  {_label(task)} since {_moment(record.started)}{again}")
    if len(running) > _SHOWN:
        lines.append(f"  ... and {len(running) - _SHOWN} more")
    return lines


def _label(task: str) -> str:
    name, node = name_and_node(task)
    return f"[{node}] {name}" if node else name


def _moment(at: float) -> str:
    form = "%H:%M:%S" if time.time() - at < 43200 else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, time.localtime(at))

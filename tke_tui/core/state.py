"""What is known of every task: a fold over the journal, with a snapshot that spares reading all of it again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tke_tui import __version__
from tke_tui.core import events as ev
from tke_tui.core.errors import StateError
from tke_tui.core.paths import write_private

SCHEMA = 1

RUNNING, SUCCEEDED, FAILED, CANCELLED, SKIPPED = "running", "succeeded", "failed", "cancelled", "skipped"


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """Last known of one task: `key` identifies the inputs it was last run with; skipped = by a person."""

    status: str
    key: str
    started: float = 0.0
    seconds: float = 0.0
    attempt: int = 1
    title: str = ""


@dataclass(slots=True)
class RunState:
    """`tasks` by id; `status` is unknown, doing, success, failed or cancelled; `seq` the last event folded in."""

    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    seq: int = 0
    status: str = "unknown"
    exit_code: int | None = None
    done_once: set[tuple[str, str]] = field(default_factory=set)
    """(task name, node) pairs that ended well at least once, whatever their inputs were."""

    def apply(self, event: ev.Event) -> None:
        self.seq = max(self.seq, event.seq)
        match event:
            case ev.RunStarted():
                self.status, self.exit_code = "doing", None
            case ev.TaskStarted():
                self.tasks[event.task] = TaskRecord(RUNNING, event.key, event.at, attempt=event.attempt)
            case ev.TaskSucceeded():
                self._end(event.task, event.key, SUCCEEDED, event.seconds)
                self.done_once.add(name_and_node(event.task))
            case ev.TaskFailed():
                self._end(event.task, event.key, FAILED, event.seconds, event.title)
            case ev.TaskCancelled():
                self._end(event.task, event.key, CANCELLED, 0.0)
            case ev.TaskSkipped(by="person"):
                record = self.tasks.get(event.task) or TaskRecord(SKIPPED, event.task)
                self.tasks[event.task] = replace(record, status=SKIPPED)
            case ev.TaskReset():
                self.tasks.pop(event.task, None)
            case ev.RunFinished():
                self.status, self.exit_code = event.status, event.exit_code

    def _end(self, task: str, key: str, status: str, seconds: float, title: str = "") -> None:
        record = self.tasks.get(task) or TaskRecord(status, key)
        self.tasks[task] = replace(record, status=status, key=key, seconds=seconds, title=title)

    def copy(self) -> RunState:
        """The state as it is now; cheap, since records are never changed in place."""
        return RunState(dict(self.tasks), self.seq, self.status, self.exit_code, set(self.done_once))

    def ended_well(self, task: str, key: str) -> bool:
        """True when the task's last run ended well with exactly these inputs."""
        record = self.tasks.get(task)
        return record is not None and record.status == SUCCEEDED and record.key == key

    def left_by_person(self, task: str, key: str) -> bool:
        """True when a person chose to go on without the task, and its inputs have not changed since."""
        record = self.tasks.get(task)
        return record is not None and record.status == SKIPPED and record.key in (key, task)

    def finished(self, task_name: str, node: str) -> bool:
        return (task_name, node) in self.done_once

    def save(self, path: Path) -> None:
        """Write the snapshot atomically (0600); takes a second or so for 50,000 tasks, so use a thread."""
        write_private(path, "".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        """JSON in small pieces: encoding all of it at once would hold up every other thread."""
        head = {"schema": SCHEMA, "version": __version__, "seq": self.seq}
        head |= {"status": self.status, "exitCode": self.exit_code}
        yield json.dumps(head).removesuffix("}")
        yield ',\n"tasks": {'
        for number, (task, record) in enumerate(self.tasks.items()):
            fields = {name: getattr(record, name) for name in TaskRecord.__slots__}
            yield f"{',' if number else ''}\n {json.dumps(task)}: {json.dumps(fields)}"
        yield '},\n"doneOnce": ['
        for number, pair in enumerate(self.done_once):
            yield f"{',' if number else ''}\n {json.dumps(pair)}"
        yield "]}\n"

    @classmethod
    def load(cls, path: Path) -> RunState | None:
        """Read a snapshot; None when there is none or it is damaged (the journal rebuilds it).

        Raises `StateError` for a snapshot of another schema.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
            schema = document["schema"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None
        if schema != SCHEMA:
            raise StateError(
                f"{path} was written by another version of tke-tui",
                detail=f"state schema {schema}, this version reads schema {SCHEMA}",
                fix=f"Continue with tke-tui {document.get('version', 'of that time')}, or use a new directory.",
            )
        try:
            return cls(
                tasks={task: TaskRecord(**record) for task, record in document["tasks"].items()},
                seq=int(document["seq"]),
                status=str(document["status"]),
                exit_code=document["exitCode"],
                done_once={(str(name), str(node)) for name, node in document["doneOnce"]},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def restore(snapshot: RunState | None, events: Iterable[ev.Event]) -> RunState:
    """State of an installation: the snapshot plus what the journal knows beyond it.

    A snapshot ahead of the journal (its tail was cut off) is not trusted: the journal alone decides.
    """
    history = list(events)
    last = history[-1].seq if history else 0
    state = snapshot if snapshot is not None and snapshot.seq <= last else RunState()
    start = state.seq
    for event in history:
        if event.seq > start:
            state.apply(event)
    return state


def name_and_node(task: str) -> tuple[str, str]:
    """`EnsureDocker@10.0.0.1` -> ("EnsureDocker", "10.0.0.1"); a task without a node has node ""."""
    name, _, node = task.partition("@")
    return name, node

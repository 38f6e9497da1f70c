"""What is known of every task: a fold over the journal, with a snapshot that spares reading all of it again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tke_tui import __version__
from tke_tui.core import events as ev
from tke_tui.core.errors import StateError
from tke_tui.core.paths import write_private

SCHEMA = 1

RUNNING, SUCCEEDED, FAILED, CANCELLED = "running", "succeeded", "failed", "cancelled"


@dataclass(slots=True)
class TaskRecord:
    """Last known of one task: `key` identifies the inputs it was last run with."""

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
                record = self.tasks.setdefault(event.task, TaskRecord(SUCCEEDED, event.key))
                record.status, record.key, record.seconds, record.title = (
                    SUCCEEDED,
                    event.key,
                    event.seconds,
                    "",
                )
                self.done_once.add(name_and_node(event.task))
            case ev.TaskFailed():
                record = self.tasks.setdefault(event.task, TaskRecord(FAILED, event.key))
                record.status, record.seconds, record.title = FAILED, event.seconds, event.title
            case ev.TaskCancelled():
                record = self.tasks.setdefault(event.task, TaskRecord(CANCELLED, event.key))
                record.status = CANCELLED
            case ev.RunFinished():
                self.status, self.exit_code = event.status, event.exit_code

    def ended_well(self, task: str, key: str) -> bool:
        """True when the task's last run ended well with exactly these inputs."""
        record = self.tasks.get(task)
        return record is not None and record.status == SUCCEEDED and record.key == key

    def finished(self, task_name: str, node: str) -> bool:
        return (task_name, node) in self.done_once

    def save(self, path: Path) -> None:
        """Write the snapshot atomically (0600)."""
        document = {
            "schema": SCHEMA,
            "version": __version__,
            "seq": self.seq,
            "status": self.status,
            "exitCode": self.exit_code,
            "tasks": {task: dataclasses.asdict(record) for task, record in self.tasks.items()},
            "doneOnce": sorted(self.done_once),
        }
        write_private(path, json.dumps(document, indent=1) + "\n")

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

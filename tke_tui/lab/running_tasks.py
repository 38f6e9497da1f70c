"""Which tasks the engine runs at present, as its journal says: how the lab knows where in a story it is."""

from __future__ import annotations

import json
from pathlib import Path

_STARTED = "task_started"
_ENDED = ("task_succeeded", "task_failed", "task_cancelled", "task_retrying")


class RunningTasks:
    """Reads what was appended to a journal since the last question; a journal that is not there has no tasks."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._read = 0
        self._rest = b""
        self._running: dict[str, set[str]] = {}

    def on(self, node: str) -> frozenset[str]:
        """Names of the tasks that run on a machine, by its address."""
        self._catch_up()
        return frozenset(self._running.get(node, ()))

    def _catch_up(self) -> None:
        try:
            size = self._journal.stat().st_size
            if size < self._read:
                self._read, self._rest, self._running = 0, b"", {}
            if size == self._read:
                return
            with self._journal.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._apply(line)

    def _apply(self, line: bytes) -> None:
        try:
            record = json.loads(line[line.index(b"{") :])
        except ValueError:
            return
        event = record.get("event", record)
        name, _, node = str(event.get("task", "")).partition("@")
        running = self._running.setdefault(node, set())
        if event.get("kind") == _STARTED:
            running.add(name)
        elif event.get("kind") in _ENDED:
            running.discard(name)

"""The progress object of the original's API: a status, the log as text, the result after success."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from pathlib import Path
from typing import Any

from tke_tui.core import events as ev
from tke_tui.core.daemon.feed import Feed
from tke_tui.core.result import Result

LONGEST = 1 << 20
"""Characters of log that are given; of a longer one the end."""

_STATUS = {"unknown": "Unknown", "success": "Success", "failed": "Failed", "cancelled": "Failed"}


def status_word(status: str, *, running: bool, retrying: bool) -> str:
    """Unknown, Doing, Success, Failed or Retrying. A run that was interrupted counts as failed."""
    if running:
        return "Retrying" if retrying else "Doing"
    return _STATUS.get(status, "Failed")


def result_fields(result: Result, *, reveal: bool) -> dict[str, Any]:
    """The result in the original's shape: `caCert` is base64 here; password and kubeconfig only with `reveal`."""
    document = result.as_dict(reveal=reveal)
    return document | {"caCert": base64.b64encode(result.ca_cert.encode()).decode("ascii")}


def log_text(journal: Path) -> str:
    """The story of an installation in lines, from its journal; blocks for as long as the disk takes."""
    feed = Feed(journal)
    lines: deque[str] = deque()
    length, last, more = 0, 0, True
    while more:
        piece = feed.read(last)
        last, more = piece.last, piece.more
        for record in piece.text.splitlines():
            event = ev.event_from_dict(json.loads(record))
            text = _line(event) if event is not None else None
            if event is None or text is None:
                continue
            lines.append(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(event.at))} {text}\n")
            length += len(lines[-1])
            while length > LONGEST:
                length -= len(lines.popleft())
    return "".join(lines)


def _line(event: ev.Event) -> str | None:
    match event:
        case ev.RunStarted():
            return f"{'resuming' if event.resumed else 'starting'}: {event.tasks} tasks"
        case ev.TaskStarted():
            return f"{event.task} doing" + (f" (attempt {event.attempt})" if event.attempt > 1 else "")
        case ev.TaskSucceeded():
            return f"{event.task} [Success] [{event.seconds:.3f}s]"
        case ev.TaskFailed():
            return f"{event.task} [Failed] [{event.seconds:.3f}s] error {event.title}{_detail(event.detail)}"
        case ev.TaskRetrying():
            return f"{event.task} [Retrying] in {event.delay:.0f}s: {event.title}{_detail(event.detail)}"
        case ev.TaskSkipped() if event.by != "condition":
            return f"{event.task} [Skipped] {event.why}"
        case ev.TaskCancelled():
            return f"{event.task} [Stopped]"
        case ev.Notice():
            return f"{event.level}: {event.text}"
        case ev.RunFinished():
            return f"{event.status} after {event.seconds:.0f}s"
        case _:
            return None


def _detail(text: str) -> str:
    return f": {text}" if text else ""

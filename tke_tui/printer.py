"""Lines to a stream that may be slow, stopped or gone: the installation never waits for its reader."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TextIO

LINES = 10_000
"""Lines that wait for a slow reader; what comes on top is left out and counted."""
PATIENCE = 5.0
"""Seconds without a single line taken after which `close` gives the reader up."""


class Printer:
    """Writes lines in a thread of its own: `line` returns at once, `close` waits as long as the reader takes lines.

    A stopped terminal (Ctrl+S) or a full pipe fills the queue, then lines are left out, with a note of how many; the
    logs have them. A closed one is given up silently. Characters the stream cannot show are escaped.
    """

    def __init__(self, stream: TextIO | None, *, lines: int = LINES, patience: float = PATIENCE) -> None:
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._lines: queue.Queue[str | None] = queue.Queue(lines)
        self._patience = patience
        self._left_out = 0
        self._written = 0
        self._gone = stream is None
        self._thread = threading.Thread(target=self._write_on, name="printer", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Hand over one line, without its end."""
        if self._gone:
            return
        try:
            if self._left_out:
                self._lines.put_nowait(self._note())
                self._left_out = 0
            self._lines.put_nowait(text)
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Return when all is written, or when the reader is gone or takes nothing any more."""
        for text in (self._note(), None) if self._left_out else (None,):
            if not self._put(text):
                return
        while self._thread.is_alive():
            before = self._written
            self._thread.join(self._patience)
            if self._written == before:
                return

    def _put(self, text: str | None) -> bool:
        while not self._gone:
            before = self._written
            with contextlib.suppress(queue.Full):
                self._lines.put(text, timeout=self._patience)
                return True
            if self._written == before:
                return False
        return False

    def _note(self) -> str:
        return f"... {self._left_out} line(s) left out, since nobody read them"

    def _write_on(self) -> None:
        while not self._gone and (text := self._lines.get()) is not None:
            try:
                self._write(f"{text}\n")
            except (OSError, ValueError):
                self._gone = True
            self._written += 1

    def _write(self, text: str) -> None:
        assert self._stream is not None
        if self._descriptor is None:
            self._stream.write(text)
            self._stream.flush()
            return
        # Not through the stream: a thread that is stuck in it would hold its lock when the process ends.
        data = memoryview(text.encode(self._stream.encoding or "utf-8", "backslashreplace"))
        while data:
            data = data[os.write(self._descriptor, data) :]


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        if stream is None:
            return None
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None

"""Events for everybody who listens: history from the journal, then live, without ever holding up the engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from tke_tui.core import events as ev
from tke_tui.core.daemon.feed import Feed

WAITING = 2_000
"""Events that wait for a slow reader; then they are dropped and read from the journal again."""
PROGRESS_EVERY = 0.25
"""Seconds between two progress events of one task."""
HEARTBEAT = 5.0
"""Seconds of silence after which a line says that the engine still lives."""

Greeting = Callable[[], list[ev.Event]]


def encode(event: ev.Event) -> bytes:
    """One JSON line, as in the journal."""
    text = json.dumps(event.as_dict(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "backslashreplace") + b"\n"


class Hub:
    """A listener of the engine (call it with an event) that hands on to any number of readers.

    Log lines are left out: they are in the files. Progress is told at most four times a second per task.
    """

    def __init__(self, journal: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._readers: set[Reader] = set()
        self._last = 0
        self._progress: dict[str, ev.TaskProgress] = {}
        self._told: dict[str, float] = {}
        self._late: dict[str, ev.TaskProgress] = {}
        self._retrying: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()

    @property
    def is_retrying(self) -> bool:
        """Whether a task pauses before its next attempt."""
        return bool(self._retrying)

    def __call__(self, event: ev.Event) -> None:
        match event:
            case ev.LogLine():
                return
            case ev.TaskProgress():
                self._progressed(event)
                return
            case ev.TaskRetrying():
                self._retrying.add(event.task)
            case ev.TaskStarted() | ev.TaskSucceeded() | ev.TaskFailed() | ev.TaskCancelled():
                for kept in (self._progress, self._told, self._late):
                    kept.pop(event.task, None)
                self._retrying.discard(event.task)
        if event.durable and event.seq:
            if event.seq <= self._last:
                # A journal that was begun anew: everybody has to read it from its beginning.
                for reader in self._readers:
                    reader.fall_behind()
            self._last = event.seq
        self.tell(event)

    def tell(self, event: ev.Event) -> None:
        """Hand on an event at once."""
        if not self._readers:
            return
        line = encode(event)
        seq = event.seq if event.durable else 0
        for reader in self._readers:
            reader.offer(seq, line)

    def greet_again(self) -> None:
        """Tell every reader its greeting once more, since something in it changed."""
        for reader in self._readers:
            reader.greet()

    def close(self) -> None:
        """End all streams."""
        self.closed.set()
        if self._timer is not None:
            self._timer.cancel()
        for reader in self._readers:
            reader.wake()

    async def stream(self, after: int, greeting: Greeting) -> AsyncGenerator[bytes, None]:
        """Lines for one reader, many at a time: history above `after`, the greeting, then what happens.

        Ends when the hub is closed. The engine never waits for it: who reads too slowly is given the journal's.
        """
        reader = Reader(self, Feed(self._journal), after, lambda: [*greeting(), *self._progress.values()])
        self._readers.add(reader)
        try:
            async with contextlib.aclosing(reader.lines()) as pieces:
                async for lines in pieces:
                    yield lines
        finally:
            self._readers.discard(reader)

    def _progressed(self, event: ev.TaskProgress) -> None:
        self._progress[event.task] = event
        now = self._clock()
        if now - self._told.get(event.task, -PROGRESS_EVERY) >= PROGRESS_EVERY:
            self._told[event.task] = now
            self._late.pop(event.task, None)
            self.tell(event)
            return
        self._late[event.task] = event
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROGRESS_EVERY, self._tell_late)

    def _tell_late(self) -> None:
        self._timer = None
        late, self._late = self._late, {}
        for task, event in late.items():
            self._told[task] = self._clock()
            self.tell(event)


class Reader:
    """One stream. `offer` never waits; `lines` takes what was offered, or reads the journal when that was too much."""

    def __init__(self, hub: Hub, feed: Feed, after: int, greeting: Greeting) -> None:
        self._hub = hub
        self._feed = feed
        self._sent = after
        self._greeting = greeting
        self._queue: deque[tuple[int, bytes]] = deque()
        self._behind = True
        self._awake = asyncio.Event()

    def offer(self, seq: int, line: bytes) -> None:
        """`seq` 0 for what is in no journal."""
        if self._behind:
            return
        if len(self._queue) >= WAITING:
            self.fall_behind()
            return
        self._queue.append((seq, line))
        self._awake.set()

    def greet(self) -> None:
        for event in self._greeting():
            self.offer(0, encode(event))

    def fall_behind(self) -> None:
        self._behind = True
        self._queue.clear()
        self._awake.set()

    def wake(self) -> None:
        self._awake.set()

    async def lines(self) -> AsyncGenerator[bytes, None]:
        while not self._hub.closed.is_set():
            if self._behind:
                async with contextlib.aclosing(self._history()) as pieces:
                    async for text in pieces:
                        yield text
                self.greet()
            self._awake.clear()
            if text := self._take():
                yield text
            elif not self._behind:
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await self._awake.wait()
                except TimeoutError:
                    yield b'{"kind":"heartbeat"}\n'
        if text := self._take():
            yield text

    async def _history(self) -> AsyncGenerator[bytes, None]:
        # From now on live events are kept: whatever was told before is in the journal.
        self._behind = False
        more = True
        while more and not self._hub.closed.is_set():
            piece = await asyncio.to_thread(self._feed.read, self._sent)
            self._sent, more = piece.last, piece.more
            if piece.text:
                yield piece.text

    def _take(self) -> bytes:
        found: list[bytes] = []
        while self._queue:
            seq, line = self._queue.popleft()
            if seq == 0 or seq > self._sent:
                found.append(line)
                self._sent = max(self._sent, seq)
        return b"".join(found)

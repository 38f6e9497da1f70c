"""Writes the state of a run to disk now and then, without holding up the engine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from tke_tui.core.state import RunState

SHARE = 20
"""The pause after a snapshot is at least this many times as long as writing it took."""


class Snapshots:
    """At most one snapshot is being written, in a thread; `every` is the shortest pause between two, in seconds.

    The journal alone decides what was done, so a snapshot that cannot be written is left out.
    """

    def __init__(self, path: Path, every: float) -> None:
        self._path = path
        self._every = every
        self._not_before = 0.0
        self._writing: asyncio.Task[None] | None = None

    def offer(self, state: RunState) -> None:
        """Begin to write `state` as it is now, unless it is too early."""
        if self._writing is None and time.monotonic() >= self._not_before:
            self._writing = asyncio.create_task(self._write(state.copy()))

    async def _write(self, state: RunState) -> None:
        started = time.monotonic()
        try:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(state.save, self._path)
        finally:
            ended = time.monotonic()
            self._not_before = ended + max(self._every, SHARE * (ended - started))
            self._writing = None

    async def finish(self, state: RunState) -> None:
        """Write `state` for good; returns when it is on disk."""
        await self.settle()
        await self._write(state.copy())

    async def settle(self) -> None:
        """Wait for the snapshot that is being written."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

"""The append-only record of an installation: one checksummed JSON line per durable event.

Line: {"crc": "<crc32 of the rest, 8 hex digits>", "event": {...}}; the first event is the header
{"kind": "journal", "schema": 1, "version": "..."}. An append returns once the line is on disk (fsync), so nothing is
announced that a crash could forget. Appends that arrive while a sync is under way share the next one.
"""

from __future__ import annotations

import asyncio
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tke_tui import __version__
from tke_tui.core.disk_errors import named
from tke_tui.core.errors import StateError
from tke_tui.core.events import Event, event_from_dict

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was read back: the events in order, and what had to be set aside (a sentence), "" when all was whole."""

    events: tuple[Event, ...]
    damage: str = ""

    @property
    def last_seq(self) -> int:
        return self.events[-1].seq if self.events else 0


def encode(event: dict[str, Any]) -> bytes:
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f'{{"crc":"{zlib.crc32(body.encode()):08x}","event":{body}}}\n'.encode()


def decode(line: bytes) -> dict[str, Any]:
    """The event of one line; ValueError when the line is not whole."""
    record = json.loads(line)
    event = record["event"]
    if not isinstance(event, dict) or encode(event) != line:
        raise ValueError("checksum does not match")
    return event


def read_events(path: Path) -> tuple[Event, ...]:
    """The whole records of a journal up to the first damaged one; changes nothing, so safe beside an engine."""
    return _read(path)[0]


def recover(path: Path) -> Recovered:
    """Read a journal. Records from the first damaged one on are moved to `<name>.damaged-<n>` and reported.

    A crash in the middle of an append leaves half a line; the work of that record is simply done again.
    Raises `StateError` for a journal of another schema or one whose first line is not a journal header.
    """
    events, data, offset = _read(path)
    if offset == len(data):
        return Recovered(events)
    return Recovered(events, _set_aside(path, data, offset))


def _read(path: Path) -> tuple[tuple[Event, ...], bytes, int]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return (), b"", 0
    events: list[Event] = []
    offset = 0
    for number, line in enumerate(data.splitlines(keepends=True)):
        try:
            record = decode(line)
            event = event_from_dict(record) if number else None
        except (ValueError, KeyError, TypeError):
            if number == 0 and line.endswith(b"\n"):
                raise _not_a_journal(path, "its first line is not a journal header") from None
            break
        if number == 0:
            _check_header(path, record)
        elif event is not None:
            events.append(event)
        offset += len(line)
    return tuple(events), data, offset


def _check_header(path: Path, record: dict[str, Any]) -> None:
    if record.get("kind") != "journal":
        raise _not_a_journal(path, "its first line is not a journal header")
    if record.get("schema") != SCHEMA:
        raise StateError(
            f"{path} was written by another version of tke-tui",
            detail=f"journal schema {record.get('schema')}, this version reads schema {SCHEMA}",
            fix=f"Continue with tke-tui {record.get('version', 'of that time')}, or start in a new directory.",
        )


def _not_a_journal(path: Path, why: str) -> StateError:
    return StateError(f"{path} is not a journal", detail=why, fix="Choose another directory with --dir.")


def _set_aside(path: Path, data: bytes, offset: int) -> str:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data[offset:])
        file.flush()
        os.fsync(file.fileno())
    with path.open("r+b") as file:
        file.truncate(offset)
        file.flush()
        os.fsync(file.fileno())
    lines = data[offset:].count(b"\n") or 1
    return (
        f"The end of {path.name} was damaged ({lines} record(s), {len(data) - offset} bytes from byte {offset} on). "
        f"It was moved to {aside.name}; what those records said is done again."
    )


def _nothing() -> None:
    return None


@dataclass(slots=True)
class _Entry:
    """Bytes on their way to the disk, what to call once they are there, and who waits for it."""

    data: bytes
    then: Callable[[], None]
    waiter: asyncio.Future[None] | None


class Journal:
    """Appender of one journal file. Use `open`, then `await append(...)`; call `close` at the end."""

    def __init__(self, descriptor: int, last_seq: int, path: Path | None = None) -> None:
        self._descriptor = descriptor
        self._name = str(path or "journal")
        self._seq = last_seq
        self._queue: list[_Entry] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: OSError | None = None

    @classmethod
    def open(cls, path: Path, *, last_seq: int = 0) -> Journal:
        """Open for appending (0600); a new file gets its header. `last_seq` comes from `recover`."""
        new = not path.exists() or path.stat().st_size == 0
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.fchmod(descriptor, 0o600)
        if new:
            try:
                os.write(descriptor, encode({"kind": "journal", "schema": SCHEMA, "version": __version__}))
                os.fsync(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise named(error, path) from None
        return cls(descriptor, last_seq, path)

    def next_seq(self) -> int:
        """Number for the next event; every event, durable or not, takes one."""
        self._seq += 1
        return self._seq

    async def append(self, events: Sequence[Event], then: Callable[[], None] = _nothing) -> None:
        """Write events in this order; returns when they are on disk. Raises `StateError` when the disk refuses.

        `then` is called once they are on disk, even when the caller was cancelled while it waited: what is written
        down is never kept from those who listen. The calls come in the order of the appends; an exception of
        `then` goes to the caller of `append`.
        """
        if events:
            await asyncio.shield(self.post(events, then))

    def post(self, events: Sequence[Event], then: Callable[[], None] = _nothing) -> asyncio.Future[None]:
        """As `append`, without waiting: their place in the order is fixed when this returns. Await the result."""
        if self._failure is not None:
            raise self._refused(self._failure)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Entry(b"".join(encode(event.as_dict()) for event in events), then, waiter))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_out())
        return waiter

    def after_pending(self, then: Callable[[], None]) -> None:
        """Call `then` after the `then` of everything appended so far: at once when nothing is on its way."""
        if self._writer is None or self._writer.done():
            then()
        else:
            self._queue.append(_Entry(b"", then, None))

    async def _write_out(self) -> None:
        while self._queue:
            entries, self._queue = self._queue, []
            try:
                if data := b"".join(entry.data for entry in entries):
                    await asyncio.to_thread(self._write_synced, data)
            except OSError as error:
                self._failure = error
                for entry in (*entries, *self._queue):
                    if entry.waiter is not None and not entry.waiter.done():
                        entry.waiter.set_exception(self._refused(error))
                self._queue = []
                return
            for entry in entries:
                _settle(entry)

    def _write_synced(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        os.fdatasync(self._descriptor)

    def _refused(self, error: OSError) -> StateError:
        return StateError(
            "The journal cannot be written: what is done can no longer be remembered, so nothing more is done",
            detail=f"{self._name}: {error.strerror or error}",
            fix="Free space on the disk of the installation directory, then continue with --resume.",
        )

    async def close(self) -> None:
        """Wait for what is under way and close the file."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        os.close(self._descriptor)


def _settle(entry: _Entry) -> None:
    try:
        entry.then()
    except Exception as error:
        if entry.waiter is not None and not entry.waiter.done():
            entry.waiter.set_exception(error)
        return
    if entry.waiter is not None and not entry.waiter.done():
        entry.waiter.set_result(None)

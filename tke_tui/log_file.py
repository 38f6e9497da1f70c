"""One append-only log file, read where somebody looks.

Places in a file are byte offsets of line starts, so there is nothing to build before the end of a large file can be
shown and nothing grows in memory with it. Only complete lines count: what has no line end yet is not there yet.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tke_tui.log_filter import LONG, Matcher

FIRST_READ = 8 * 1024
"""Bytes of the first read of a scan; each further read doubles, up to `MOST_READ`."""
MOST_READ = 256 * 1024
LOOK_BACK = 64 * 1024
"""How far back a line without a time stamp looks for the stamp it belongs to."""

STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?= )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RawLine:
    """Bytes [start, stop) of a file, its line end included; `data` is the line, at most its first `LONG` bytes."""

    start: int
    stop: int
    data: bytes


class LogFile:
    """A file that may not be there yet, may grow, shrink or be replaced; it is never changed.

    `end` is the offset behind the last complete line that `refresh` saw; `generation` grows when the file is not the
    one it was (replaced or cut), so that offsets into it mean nothing any more.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.end = 0
        self.generation = 0
        self._descriptor: int | None = None
        self._identity = (0, 0)
        self._looked_to = 0

    def refresh(self) -> bool:
        """Look at the file again; True when it has more (or other) lines. Never raises: no file is an empty file."""
        before = (self.generation, self.end)
        try:
            status = self.path.stat()
        except OSError:
            # Removed in the middle: what was open can still be read.
            return False
        if (status.st_dev, status.st_ino) != self._identity or status.st_size < self.end:
            self._reopen()
        if self._descriptor is not None and status.st_size > self._looked_to:
            last = self._last_newline(self._looked_to, status.st_size)
            self.end = self.end if last is None else last + 1
            self._looked_to = status.st_size
        return (self.generation, self.end) != before

    def _reopen(self) -> None:
        if self.end:
            self.generation += 1
        self.close()
        self.end = self._looked_to = 0
        self._identity = (0, 0)
        with contextlib.suppress(OSError):
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            status = os.fstat(self._descriptor)
            self._identity = (status.st_dev, status.st_ino)

    def close(self) -> None:
        """Let go of the file; `refresh` opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._identity = (0, 0)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop), fewer when the file has been cut since."""
        if self._descriptor is None:
            return b""
        try:
            return os.pread(self._descriptor, max(0, stop - start), start)
        except OSError:
            return b""

    def _last_newline(self, start: int, stop: int) -> int | None:
        while stop > start:
            begin = max(start, stop - MOST_READ)
            at = self.read(begin, stop).rfind(b"\n")
            if at >= 0:
                return begin + at
            stop = begin
        return None

    def _line_stop(self, offset: int) -> int:
        """Offset behind the line that `offset` is in."""
        while offset < self.end:
            data = self.read(offset, min(self.end, offset + MOST_READ))
            at = data.find(b"\n")
            if at >= 0:
                return offset + at + 1
            if not data:
                break
            offset += len(data)
        return self.end

    def line_start(self, offset: int) -> int:
        """Start of the line that the byte before `offset` belongs to; 0 for offset 0."""
        last = self._last_newline(0, offset - 1)
        return 0 if last is None else last + 1

    def forward(self, start: int, matcher: Matcher) -> Iterator[RawLine | int]:
        """The matching lines from the line start `start` on; in between, offsets up to where it has looked."""
        size = FIRST_READ
        while start < self.end:
            data = self.read(start, min(self.end, start + size))
            whole = data.rfind(b"\n") + 1
            if not data:
                return
            if not whole and len(data) == size <= LONG:
                size = MOST_READ
                continue
            if not whole:
                stop = self._line_stop(start + len(data))
                if matcher.matches(data[:LONG]):
                    yield RawLine(start, stop, data[:LONG])
                start = stop
            else:
                for begin, stop in matcher.spans(data[:whole]):
                    yield RawLine(start + begin, start + stop, data[begin : min(stop, begin + LONG)])
                start += whole
            yield start
            size = min(size * 2, MOST_READ)

    def backward(self, stop: int, matcher: Matcher, floor: int = 0) -> Iterator[RawLine | int]:
        """The matching lines before the line start `stop`, last first, back to the line start `floor`.

        In between come offsets down to where it has looked.
        """
        size = FIRST_READ
        stop = min(stop, self.end)
        while stop > floor:
            begin = max(floor, stop - size)
            data = self.read(begin, stop)
            if len(data) < stop - begin:
                return
            skip = 0 if begin == floor else data.find(b"\n", 0, len(data) - 1) + 1
            if begin > floor and not skip and size < MOST_READ:
                size = MOST_READ
                continue
            if begin > floor and not skip:
                start = self.line_start(stop)
                head = self.read(start, min(stop, start + LONG))
                if matcher.matches(head):
                    yield RawLine(start, stop, head)
                stop = start
            else:
                for first, last in matcher.spans_backward(data[skip:] if skip else data):
                    first, last = first + skip, last + skip
                    yield RawLine(begin + first, begin + last, data[first : min(last, first + LONG)])
                stop = begin + skip
            yield stop
            size = min(size * 2, MOST_READ)

    def stamp_before(self, offset: int) -> str:
        """Time stamp of the nearest stamped line before the line start `offset`; "" when there is none near."""
        begin = max(0, offset - LOOK_BACK)
        data = self.read(begin, offset)
        found = ""
        for match in STAMP.finditer(data):
            if match.start() or begin == 0:
                found = match.group().decode("ascii")
        return found

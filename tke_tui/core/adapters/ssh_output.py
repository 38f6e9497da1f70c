"""Output of one remote command as it arrives: the mark, the lines, and a bounded copy."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections import deque
from collections.abc import Callable

import asyncssh
from asyncssh.constants import EXTENDED_DATA_STDERR

from tke_tui.core.adapters.ssh_types import OnLine

KEEP = 1 << 20
"""Bytes of a stream kept by default."""
_PREAMBLE = 256 << 10
_LONGEST_LINE = 256 << 10
_GROUP = re.compile(rb"(\d+)\n")


def decode(data: bytes) -> str:
    """Text of remote output; bytes that are not UTF-8 become `\\xNN`."""
    return data.decode("utf-8", "backslashreplace")


class BoundedBytes:
    """Keeps at most `keep` bytes of a stream: its first half and its last half, with a note between them."""

    def __init__(self, keep: int) -> None:
        self._half = keep // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size > self._half:
            excess = self._tail_size - self._half
            first = self._tail.popleft()
            if len(first) > excess:
                self._tail.appendleft(first[excess:])
            cut = min(len(first), excess)
            self._tail_size -= cut
            self._dropped += cut

    @property
    def truncated(self) -> bool:
        return self._dropped > 0

    def value(self) -> bytes:
        note = f"\n[… {self._dropped} bytes left out …]\n".encode() if self._dropped else b""
        return bytes(self._head) + note + b"".join(self._tail)


class LineSplitter:
    """Cuts a byte stream into lines; a line beyond 256 KiB is delivered in pieces."""

    def __init__(self, deliver: Callable[[str], None]) -> None:
        self._deliver = deliver
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._deliver(decode(line.removesuffix(b"\r")))
        while len(self._rest) > _LONGEST_LINE:
            piece, self._rest = self._rest[:_LONGEST_LINE], self._rest[_LONGEST_LINE:]
            self._deliver(decode(piece))

    def end(self) -> None:
        if self._rest:
            self._deliver(decode(self._rest))
            self._rest = b""


class MarkedStream:
    """One output stream: `preamble` is what came before the mark, `content` what the command itself wrote."""

    def __init__(self, job: str, keep: int, deliver: Callable[[str], None] | None) -> None:
        self._mark = job.encode() + b" "
        self._lines = LineSplitter(deliver) if deliver is not None else None
        self.preamble = b""
        self.content = BoundedBytes(keep)
        self.group: int | None = None

    def feed(self, data: bytes) -> None:
        if self.group is None:
            self.preamble += data
            at = self.preamble.find(self._mark)
            while at >= 0 and (found := _GROUP.match(self.preamble, at + len(self._mark))) is None:
                # A shell that shows what it runs shows the job's name, too.
                at = self.preamble.find(self._mark, at + 1)
            if at < 0 or found is None:
                self.preamble = self.preamble[-_PREAMBLE:]
                return
            self.group = int(found[1])
            self.preamble, data = self.preamble[:at], self.preamble[found.end() :]
        if data:
            self.content.add(data)
            if self._lines is not None:
                self._lines.feed(data)

    def end(self) -> None:
        if self._lines is not None:
            self._lines.end()


class CommandSession(asyncssh.SSHClientSession[bytes]):
    """Receives what one channel brings.

    `started` is set at the mark or the end, `ended` when the channel is closed; `writable` is clear while the
    peer takes no more input. `exit_code` stays None when the channel closed without one; `error` says why.
    """

    def __init__(self, job: str, *, keep: int, on_line: OnLine | None) -> None:
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.exit_code: int | None = None
        self.error: Exception | None = None
        self.callback_error: Exception | None = None
        self.stdout = MarkedStream(job, keep, self._deliverer("stdout", on_line))
        self.stderr = MarkedStream(job, keep, self._deliverer("stderr", on_line))

    def _deliverer(self, stream: str, on_line: OnLine | None) -> Callable[[str], None] | None:
        if on_line is None:
            return None

        def deliver(line: str) -> None:
            if self.callback_error is not None:
                return
            # An exception here would travel into the SSH library and take the whole connection down.
            try:
                on_line(stream, line)
            except Exception as error:
                self.callback_error = error

        return deliver

    @property
    def group(self) -> int | None:
        """Remote process group of the command, None before it started."""
        return self.stdout.group or self.stderr.group

    def data_received(self, data: bytes, datatype: int | None) -> None:
        (self.stderr if datatype == EXTENDED_DATA_STDERR else self.stdout).feed(data)
        if self.group is not None:
            self.started.set()

    def exit_status_received(self, status: int) -> None:
        self.exit_code = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self.exit_code = 128 + _signal_number(signal)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.stdout.end()
        self.stderr.end()
        self.writable.set()
        self.started.set()
        self.ended.set()


def _signal_number(name: str) -> int:
    with contextlib.suppress(KeyError):
        return int(signal.Signals[f"SIG{name}"])
    return 0

"""The real app in a real terminal: a pseudo terminal with what it would show, bytes counted, keys typed."""

from __future__ import annotations

import fcntl
import os
import queue
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Terminal:
    """Runs a command on a pseudo terminal of `columns` x `rows`. Use as a context manager; it ends the command."""

    def __init__(self, argv: Sequence[str], *, columns: int, rows: int, environ: dict[str, str]) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.received = 0
        self._process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        self._arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._take, daemon=True)
        self._reader.start()

    def _take(self) -> None:
        """Takes what comes at once, with the time: making a picture of it is slow and must not hold the app up."""
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                data = b""
            self._arrived.put((time.monotonic(), data))
            if not data:
                return

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        os.close(self._master)

    def read(self, seconds: float) -> float | None:
        """Draw what the command writes within this time at most: when it came, None if nothing did."""
        try:
            at, data = self._arrived.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if not data:
            raise RuntimeError(f"the app ended with exit code {self._process.wait()}:\n{self.text}")
        self.received += len(data)
        self._stream.feed(data)
        return at

    def read_for(self, seconds: float) -> None:
        """Draw all that is written in the next so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def wait(self, condition: Callable[[], bool], *, patience: float = 30.0) -> float:
        """Seconds until what the condition asks for had come. Raises `RuntimeError` when it never does."""
        begun = at = time.monotonic()
        while not condition():
            came = self.read(patience - (time.monotonic() - begun))
            if came is None:
                raise RuntimeError(f"never seen within {patience} s:\n{self.text}")
            at = came
        return max(0.0, at - begun)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the command so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def memory(self) -> float:
        """Resident memory of the command in MiB."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE / (1 << 20)

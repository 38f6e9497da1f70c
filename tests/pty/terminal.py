"""A real terminal for the real command: a pseudo terminal (pexpect) and what it would show (pyte)."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

PATIENCE = 30.0
"""Seconds until something that has to appear counts as missing: generous, as machines may be busy."""

_LEAVES = b"\x1b[?1049l"
_KITTY = re.compile(rb"\x1b\[[<>=][0-9]*u")
_PIECES = re.compile(rb"(\x1b\[\?1049l|\x1b\[[<>=][0-9]*u)")
"""Sequences that pyte does not know: leaving the screen for programs, and the keyboard protocol of kitty."""

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "space": " ",
    "f1": "\x1bOP",
}


class Terminal:
    """`tke-tui` in a terminal of `size` (columns, lines). A context manager: at its end nothing of it is left.

    `home` is the person's home directory. The environment is that of a plain login with UTF-8; `environ` adds to it.
    """

    def __init__(
        self,
        *arguments: str | Path,
        home: Path,
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        columns, lines = size
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.written = 0
        """Bytes that the program has sent so far."""
        self.raw = b""
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "tke_tui", *map(str, arguments)],
            dimensions=(lines, columns),
            timeout=PATIENCE,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "LC_ALL": "C.UTF-8",
                "TERM": "xterm-256color",
                **(environ or {}),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close()

    @property
    def text(self) -> str:
        """What is on the screen, line by line."""
        return "\n".join(line.replace("\N{NO-BREAK SPACE}", " ").rstrip() for line in self._screen.display)

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def bold(self) -> tuple[str, ...]:
        """The texts in bold from the top to the bottom, those beside each other on a line as one."""
        lines = ("".join(self._bold_cells(line)).strip() for line in range(self._screen.lines))
        return tuple(line for line in lines if line)

    def wait(self, condition: str | Callable[[str], object], patience: float = PATIENCE) -> str:
        """Read until a text is on the screen, or a condition on it holds; what the screen shows then."""
        holds = condition if callable(condition) else (lambda text: condition in text)
        end = time.monotonic() + patience
        while not holds(self.text):
            if time.monotonic() > end:
                raise AssertionError(f"never seen: {condition!r}; the screen shows:\n{self.text}")
            if not self._read(0.1) and not self.process.isalive() and not holds(self.text):
                raise AssertionError(f"ended before: {condition!r}; the screen shows:\n{self.text}")
        return self.text

    def quiet(self, seconds: float = 0.3) -> str:
        """Read until nothing comes for so long; for what must not change any more."""
        while self._read(seconds):
            pass
        return self.text

    def press(self, *keys: str) -> None:
        """Keys by name (`enter`, `ctrl+q`, …) or as characters."""
        for key in keys:
            if key.startswith("ctrl+"):
                self.process.sendcontrol(key.removeprefix("ctrl+"))
            else:
                self.process.send(KEYS.get(key, key))

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self.process.setwinsize(lines, columns)

    def hang_up(self) -> None:
        """The line breaks: the terminal is gone."""
        self.process.close(force=False)

    def kill(self) -> None:
        """The program is killed, the terminal stays."""
        self.process.kill(signal.SIGKILL)
        self.process.wait()

    def end(self, patience: float = PATIENCE) -> int:
        """Wait until the program has ended by itself; its exit code."""
        end = time.monotonic() + patience
        while self.process.isalive():
            assert time.monotonic() < end, f"it does not end; the screen shows:\n{self.text}"
            self._read(0.1)
        self._read(0.0)
        self.process.close()
        status = self.process.exitstatus
        assert status is not None, f"ended by signal {self.process.signalstatus}"
        return int(status)

    def _bold_cells(self, line: int) -> Iterator[str]:
        cells = self._screen.buffer[line]
        for column in range(self._screen.columns):
            yield cells[column].data if cells[column].bold else " "

    def _read(self, seconds: float) -> int:
        if not select.select([self.process.child_fd], [], [], seconds)[0]:
            return 0
        try:
            data = os.read(self.process.child_fd, 65536)
        except OSError:
            # Linux says so when the last program has closed the terminal.
            return 0
        self.written += len(data)
        self.raw += data
        for part in _PIECES.split(data):
            if part == _LEAVES:
                # What was there before comes back: for these tests, an empty screen.
                self._screen.reset()
            elif not _KITTY.fullmatch(part):
                self._stream.feed(part)
        return len(data)

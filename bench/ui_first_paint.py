"""How long it takes from starting a process until its first picture is on the terminal: dashboard against a bare app.

Both are started in a pseudo terminal of the same size, one after the other in turns, so that whatever else this
machine does slows both down.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from bench.ui_report import Figure
from tests.journals import load
from tke_tui.core.journal import encode

ROUNDS = 9
LIMIT = 1.3
_LONGEST = 60.0
"""Seconds after which a program counts as never having painted."""

_BARE = b"bare app"
_DASHBOARD = b"1 Steps"
_PICTURE = b"EnsureKubernetesImages"
"""On the screen once the journal is folded and drawn."""


@dataclass(frozen=True, slots=True)
class Painted:
    """Seconds since the start of the process, and how many of them it was on a processor."""

    seconds: float
    busy: float


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Ratio of the medians, and the times behind it."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        _write_journal(root)
        bare_argv = ["-m", "bench.ui_child", "bare"]
        dashboard_argv = ["-m", "bench.ui_child", "dashboard", str(root)]
        _paint(bare_argv, [_BARE])
        _paint(dashboard_argv, [_DASHBOARD])
        bare: list[Painted] = []
        first: list[Painted] = []
        whole: list[Painted] = []
        for _ in range(rounds):
            bare += _paint(bare_argv, [_BARE])
            painted = _paint(dashboard_argv, [_DASHBOARD, _PICTURE])
            first.append(painted[0])
            whole.append(painted[1])
    note = f"median of {rounds} starts"
    return [
        Figure("first paint of a bare Textual app", _median(bare), unit="s", note=note),
        Figure("first paint of the dashboard", _median(first), unit="s", note=note),
        Figure("dashboard with the state of the run in it", _median(whole), unit="s"),
        Figure("first paint, dashboard / bare, processor time", _busy(first) / _busy(bare)),
        Figure("first paint, dashboard / bare", _median(first) / _median(bare), LIMIT),
    ]


def _median(painted: list[Painted]) -> float:
    return statistics.median(each.seconds for each in painted)


def _busy(painted: list[Painted]) -> float:
    return statistics.median(each.busy for each in painted)


def _write_journal(root: Path) -> None:
    header = encode({"kind": "journal", "schema": 1, "version": "1.0"})
    lines = b"".join(encode(event.as_dict()) for event in load("mid-run"))
    (root / "journal.jsonl").write_bytes(header + lines)


def _paint(argv: list[str], marks: list[bytes]) -> list[Painted]:
    """When each mark was written to the terminal, in this order."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, *argv])  # noqa: S606 - our own program
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        return _times(pid, terminal, marks, started)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _times(pid: int, terminal: int, marks: list[bytes], started: float) -> list[Painted]:
    seen = b""
    times: list[Painted] = []
    while len(times) < len(marks):
        left = _LONGEST - (time.perf_counter() - started)
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            raise RuntimeError(
                f"{marks[len(times)].decode()} was not painted; the terminal got {seen[-500:]!r}"
            )
        seen += os.read(terminal, 65536)
        while len(times) < len(marks) and marks[len(times)] in seen:
            times.append(Painted(time.perf_counter() - started, _on_a_processor(pid)))
    return times


def _on_a_processor(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e9

"""What watching a busy log costs: an engine writes 10,000 lines a second while the screens follow them.

`python -m bench.ui_logs [--quick]` runs the dashboard with its log pane, and the screen of all logs, in a terminal of
120x40 (as over SSH: no animations). A writer process writes to the logs of three machines and of the installer, as the
engine does, and goes on until there are a million lines. Limits: a key is answered within 100 ms (95th percentile),
the client takes less than 25 % of a core and sends at most 20 kB/s to the terminal, its memory does not grow.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.ui_terminal import Terminal
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir

COLUMNS, ROWS = 120, 40
RATE = 10_000
NODES = ("", "10.0.0.11", "10.0.0.12", "10.0.0.13")
STAMP = re.compile(r"\d\d:\d\d:\d\d (installer|10\.0\.0\.1\d) ")

LATENCY, CPU, BYTES, GROWTH = 0.100, 0.25, 20_000, 3.0
"""Limits: seconds, share of a core, bytes per second, MiB."""


@dataclass(frozen=True)
class Amount:
    """Seconds of watching and of pressing keys; lines at which memory is measured."""

    quiet: float
    keys: float
    first: int
    last: int


FULL = Amount(quiet=18.0, keys=12.0, first=100_000, last=1_000_000)
QUICK = Amount(quiet=3.0, keys=3.0, first=20_000, last=200_000)


@dataclass(frozen=True)
class Figures:
    """What was measured. `rate` is that of the writer, `latencies` in seconds, `idle` those while nothing was written;
    `cpu` as a share of a core, memory in MiB.
    """

    name: str
    rate: float
    idle: list[float]
    latencies: list[float]
    cpu: float
    cpu_with_keys: float
    sent: float
    memory_first: float
    memory_last: float
    lines: int

    @property
    def p95(self) -> float:
        return _p95(self.latencies)

    def report(self) -> bool:
        """Print the figures; True when all are within their limits."""
        growth = self.memory_last - self.memory_first
        rows = [
            ("lines written a second", f"{self.rate:,.0f}", self.rate > 0.9 * RATE),
            ("key press to paint, p95, idle log", f"{_p95(self.idle) * 1000:.0f} ms", None),
            ("key press to paint, median", f"{statistics.median(self.latencies) * 1000:.0f} ms", None),
            ("key press to paint, p95", f"{self.p95 * 1000:.0f} ms", self.p95 < LATENCY),
            ("client CPU, watching", f"{self.cpu:.1%} of a core", self.cpu < CPU),
            ("client CPU, with keys", f"{self.cpu_with_keys:.1%} of a core", None),
            ("bytes to the terminal", f"{self.sent / 1000:.1f} kB/s", self.sent <= BYTES),
            (
                f"memory, then at {self.lines:,} lines",
                f"{self.memory_first:.1f} -> {self.memory_last:.1f} MiB",
                growth < GROWTH,
            ),
        ]
        print(self.name)
        for what, value, good in rows:
            print(f"  {what:<34}{value:>22}  {'' if good is None else 'ok' if good else 'MISSED'}")
        return all(good is not False for _what, _value, good in rows)


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    parser.add_argument("--client", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--writer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--lines", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--fast-after", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client is not None:
        return client(options.client)
    if options.writer is not None:
        return write_lines(options.writer, options.lines, options.fast_after)
    amount = QUICK if options.quick else FULL
    print(f"{RATE:,} lines a second, terminal {COLUMNS}x{ROWS}, load of this host {os.getloadavg()[0]:.1f}")
    good = [
        watch("dashboard, all machines in its log pane", "3", amount).report(),
        watch("screen of all logs", "3L", amount).report(),
    ]
    return 0 if all(good) else 1


def watch(name: str, keys: str, amount: Amount) -> Figures:
    """Follow a busy log on the screen that `keys` lead to from the dashboard."""
    with tempfile.TemporaryDirectory(prefix="tke-bench-") as root:
        directory = InstallDir(Path(root) / "global")
        directory.create()
        base = [sys.executable, "-m", "bench.ui_logs"]
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "SSH_TTY": "/dev/pts/0"}
        environ |= {"HOME": root, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        environ.pop("NO_COLOR", None)
        with Terminal(
            [*base, "--client", str(directory.root)], columns=COLUMNS, rows=ROWS, environ=environ
        ) as terminal:
            terminal.wait(lambda: "following" in terminal.text)
            for key in keys:
                terminal.press(key)
                terminal.read_for(0.5)
            write_lines(directory.root, 500, 0)
            terminal.wait(lambda: bool(STAMP.search(terminal.text)))
            terminal.read_for(1.0)
            idle = press_keys(terminal, amount.keys / 2)
            steady = int(RATE * (amount.quiet + amount.keys + 2))
            writer = subprocess.Popen(
                [
                    *base,
                    *("--writer", str(directory.root)),
                    *("--lines", str(amount.last)),
                    *("--fast-after", str(steady)),
                ]
            )
            try:
                return measure(name, idle, terminal, writer, directory, amount)
            finally:
                writer.terminate()
                writer.wait()


def measure(
    name: str,
    idle: list[float],
    terminal: Terminal,
    writer: subprocess.Popen[bytes],
    directory: InstallDir,
    amount: Amount,
) -> Figures:
    terminal.read_for(1.0)
    lines = lines_in(directory)
    begun, cpu, received = time.monotonic(), terminal.cpu_seconds, terminal.received
    terminal.read_for(max(0.0, amount.first / RATE - 1.0) if amount.first / RATE < amount.quiet else 0.0)
    memory_first = terminal.memory
    terminal.read_for(amount.quiet - (time.monotonic() - begun))
    seconds = time.monotonic() - begun
    rate = (lines_in(directory) - lines) / seconds
    share, sent = (terminal.cpu_seconds - cpu) / seconds, (terminal.received - received) / seconds
    begun, cpu = time.monotonic(), terminal.cpu_seconds
    latencies = press_keys(terminal, amount.keys)
    with_keys = (terminal.cpu_seconds - cpu) / (time.monotonic() - begun)
    while writer.poll() is None:
        terminal.read(0.2)
    terminal.read_for(1.5)
    return Figures(
        name,
        rate,
        idle,
        latencies,
        share,
        with_keys,
        sent,
        memory_first,
        terminal.memory,
        lines_in(directory),
    )


def lines_in(directory: InstallDir) -> int:
    return sum(path.read_bytes().count(b"\n") for path in directory.logs.glob("*.log"))


def press_keys(terminal: Terminal, seconds: float) -> list[float]:
    """Times on and off again and again: seconds from each key to the page that shows it."""
    end, shown, latencies = time.monotonic() + seconds, True, list[float]()
    while time.monotonic() < end:
        shown = not shown
        terminal.press("t")
        latencies.append(terminal.wait(lambda: bool(STAMP.search(terminal.text)) is shown))  # noqa: B023 - awaited
        # Off the beat of the page's own repaints.
        terminal.read_for(0.13 + 0.17 * (len(latencies) % 3) / 3)
    if not shown:
        terminal.press("t")
        terminal.wait(lambda: bool(STAMP.search(terminal.text)))
    return latencies


# --- the other processes ---------------------------------------------------------------------------------------------


def write_lines(root: Path, lines: int, fast_after: int) -> int:
    """Write as the engine does: `RATE` lines a second up to `fast_after` lines, then as fast as it goes."""
    logs = NodeLogs(InstallDir(root))
    tasks = ("EnsureDocker", "EnsureKubernetesImages", "EnsureKubeadmInitPhaseKubeletStart")
    begun = time.monotonic()
    for number in range(lines):
        task, stream = tasks[number // 7 % 3], "stderr" if number % 11 == 0 else "stdout"
        text = (
            f"{number:07} layer sha256:{number * 2654435761 % 2**32:08x} pulled, {number % 97} left to verify"
        )
        logs.write(NODES[number % 4], time.time(), task, stream, text)
        if number < fast_after and number % 100 == 99:
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
    logs.close()
    return 0


def client(root: Path) -> int:
    """The app on an installation in progress."""
    from tests.journals import load
    from tests.ui.fake_engine import FakeEngineClient
    from tke_tui.cli_ui import Look, open_ui
    from tke_tui.client import EngineClient

    directory = InstallDir(root)
    engine = FakeEngineClient(directory, load("mid-run"))

    async def connect() -> EngineClient:
        return engine

    return open_ui(
        directory, "dashboard", Look(lang="en", theme="dark", ascii=False), connect=connect, attach=connect
    )


if __name__ == "__main__":
    sys.exit(main())

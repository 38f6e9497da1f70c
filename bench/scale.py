"""Measure the engine on many machines of the embedded lab: `python -m bench.scale [--nodes 10,100,1000]`.

For each number of machines the whole platform is installed, by an engine in a process of its own. The machines are in
another process, so that what simulating them costs is told apart: on one host both share the cores, and the wall clock
says more about the lab than about the engine. The engine's processor time is judged against a bare asyncio.TaskGroup
that sends the same machines as many commands that do nothing, over the same SSH adapter: what the engine, the handlers,
the journal, Docker and Kubernetes take beyond that may not be more than as much again.

For information, the engine with its journal but with tasks that do nothing is set beside coroutines that do nothing.
Exit code 1 when an installation failed or a limit was passed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.scale_pass import Pass
from bench.ui_report import Figure

NODES = "10,100,1000"
RATIO = 2.0
MEMORY = 600.0
"""MiB of the engine."""
JUDGED = 1000
"""From this many machines on the limits count: with few, most of the work is the platform's, which is done once."""
_LONGEST = 3600.0
"""Seconds after which a pass is ended: nothing here runs for ever."""


class Lab:
    """A running lab; `ended` has what it says of itself once it has been left."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.cpu = 0.0
        self.commands = 0

    def end(self) -> None:
        output, _ = self._process.communicate(timeout=120)
        said = json.loads(output)
        self.cpu, self.commands = said["cpu"], said["commands"]


@contextmanager
def running_lab(directory: Path, nodes: int) -> Iterator[Lab]:
    words = [sys.executable, "-m", "bench.scale_lab", str(directory), str(nodes)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("NOT MEASURED: the lab did not start, see above")
        lab = Lab(process)
        yield lab
        lab.end()
    finally:
        process.kill()
        process.wait()


def run_pass(which: str, directory: Path, count: int = 0) -> Pass:
    """Raises `SystemExit` when the pass broke down."""
    words = [sys.executable, "-m", "bench.scale_pass", which, str(directory), str(count)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=_LONGEST, check=False)
    if done.returncode:
        raise SystemExit(f"NOT MEASURED: the pass {which!r} ended with {done.returncode}, see above")
    return Pass(**json.loads(done.stdout.splitlines()[-1]))


def measure(nodes: int) -> list[Figure]:
    """Install on this many machines, and print and return what it took."""
    with tempfile.TemporaryDirectory(prefix="tke-tui-scale-") as name:
        first, second = Path(name) / "first", Path(name) / "second"
        with running_lab(first, nodes) as lab:
            install = run_pass("install", first)
        with running_lab(second, nodes):
            bare = run_pass("bare", second, lab.commands)
        empty = run_pass("empty", first)
        nothing = run_pass("nothing", first, empty.tasks)
    print(f"\n{nodes} machines: {install.status}, {install.tasks} tasks, {lab.commands} commands")
    for error in install.errors:
        print(f"  {error}")
    ratio, memory = (RATIO, MEMORY) if nodes >= JUDGED else (None, None)
    figures = [
        Figure("installations that failed", float(install.status != "success"), 0.0),
        Figure("wall clock, engine and lab on the same cores", install.wall, unit="s"),
        Figure("processor time of the engine", install.cpu, unit="s"),
        Figure("processor time of the lab", lab.cpu, unit="s"),
        Figure("engine, per task", 1000 * install.cpu / install.tasks, unit="ms"),
        Figure("bare TaskGroup of SSH no-ops, per task", 1000 * bare.cpu / install.tasks, unit="ms"),
        Figure("engine / bare TaskGroup of SSH no-ops, processor time", install.cpu / bare.cpu, ratio),
        Figure("peak memory of the engine", install.memory, memory, "MiB"),
        Figure("engine with tasks that do nothing, per task", 1e6 * empty.cpu / empty.tasks, unit="us"),
        Figure("TaskGroup of coroutines that do nothing, each", 1e6 * nothing.cpu / nothing.tasks, unit="us"),
    ]
    for figure in figures:
        print(f"  {figure}", flush=True)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure installations on many simulated machines.")
    parser.add_argument(
        "--nodes", default=NODES, help=f"how many, several with commas between them (default {NODES})"
    )
    numbers = [int(word) for word in parser.parse_args().nodes.split(",")]
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    bad = [figure for number in numbers for figure in measure(number) if not figure.good]
    print("\nAll within their limits." if not bad else f"\nNOT GOOD: {len(bad)} figure(s), see above")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

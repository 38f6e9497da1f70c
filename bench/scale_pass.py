"""One pass of the scale benchmark in a process of its own: `python -m bench.scale_pass PASS DIRECTORY COUNT`.

PASS is one of
- `install`: the whole installation, by the engine;
- `bare`: COUNT commands that do nothing, spread over the machines, in a bare asyncio.TaskGroup on the same SSH adapter;
- `empty`: the tasks of the installation's plan, by the engine with its journal, but each of them does nothing;
- `nothing`: COUNT coroutines that do nothing in a bare asyncio.TaskGroup.

Prints a `Pass` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.process import cpu_seconds, peak_memory
from bench.scale_lab import INPUT, SETTINGS
from tke_tui.core.context import Context
from tke_tui.core.engine import Engine, RunResult
from tke_tui.core.graph import Graph
from tke_tui.core.installation import Installation, create
from tke_tui.core.journal import Journal
from tke_tui.core.model.load import load_para
from tke_tui.core.model.machine import Machine
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.open_files import allow_many_connections
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.state import RunState
from tke_tui.core.task import Task

AT_ONCE = 8
"""Commands at once on one machine in the bare pass: below the ten channels that sshd allows a connection."""


@dataclass(frozen=True)
class Pass:
    """Seconds of wall clock and of processor, peak memory in MiB, what was done."""

    wall: float
    cpu: float
    memory: float
    tasks: int
    status: str = "success"
    errors: tuple[str, ...] = ()


class Nothing(Task):
    name = "Nothing"
    title = "Do nothing"

    async def run(self, ctx: Context) -> None:
        return None


def main() -> None:
    which, directory, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    allow_many_connections()
    settings = RunSettings.from_dict(json.loads((directory / SETTINGS).read_text()))
    para = load_para(directory / INPUT).para
    assert para is not None
    installation = create(InstallDir(directory / which), para, settings)
    works: dict[str, Callable[[], Coroutine[Any, Any, RunResult | None]]] = {
        "install": installation.run,
        "bare": lambda: _bare(installation, count),
        "empty": lambda: _empty(installation),
        "nothing": lambda: _nothing(count),
    }
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = asyncio.run(works[which]())
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    done = Pass(wall, cpu, peak_memory(), count if result is None else result.ran)
    if result is not None:
        errors = tuple(f"{task}: {error.title}: {error.detail}" for task, error in result.errors[:5])
        done = replace(done, status=result.status, errors=errors)
    print(json.dumps(asdict(done)))


async def _bare(installation: Installation, count: int) -> None:
    machines = installation.para.machines
    installation.directory.create()
    async with installation.runtime() as runtime:
        slots = {str(machine.ip): asyncio.Semaphore(AT_ONCE) for machine in machines}

        async def nothing(machine: Machine) -> None:
            async with slots[str(machine.ip)]:
                connection = await runtime.connect(machine)
                await connection.run(("true",))

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(nothing(machines[number % len(machines)]))


async def _empty(installation: Installation) -> RunResult:
    tasks = {
        planned.id: replace(planned, task=type(planned.task.name, (Nothing,), {"name": planned.task.name})())
        for planned in installation.plan
    }
    installation.directory.create()
    state = RunState()
    journal = Journal.open(installation.directory.journal)
    logs = NodeLogs(installation.directory)
    try:
        async with installation.runtime() as runtime:
            return await Engine(
                Graph(tasks), installation.services(runtime, state), journal, state, logs
            ).run()
    finally:
        logs.close()
        await journal.close()


async def _nothing(count: int) -> None:
    async def nothing() -> None:
        return None

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(nothing())


if __name__ == "__main__":
    main()

"""Measure what working on all machines at once saves: `python -m bench.fanout`, root on Debian 12.

Twelve of the product's own handlers run on 20 real OpenSSH servers, through the product's own engine, journal and
SSH pool: on all machines at once, then again (nothing may change), then on fresh servers on one machine after the
other. Exit code 1 when something failed, changed or is too slow, 2 when it cannot be measured here.

The servers share this machine's cores with the engine, so work that only burns CPU cannot go side by side as it does
on real machines. What can are the waits of a real installation: a network with a delay, through which every packet
really goes, and the two hooks, which take their time on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import servers, wire, workload
from bench.engine_pass import Order, Outcome

NODES = 20
REQUIRED_RATIO = 10.0
_LONGEST_PASS = 900.0
"""Seconds after which a pass is ended: nothing here runs for ever."""

_CONTENT = ("/etc/hosts", "/etc/fstab", "/proc/swaps", "/proc/modules")
_LISTINGS = (
    "/etc",
    "/etc/ssh",
    "/usr/bin",
    "/usr/sbin",
    "/opt",
    "/root/.kube",
    "/var/lib",
    "/var/lib/tke-tui",
)


@dataclass(frozen=True)
class Measured:
    """One pass and what its servers counted meanwhile; `busy` is the share of all cores' time that was not idle."""

    outcome: Outcome
    counted: Counter[str]
    busy: float

    @property
    def good(self) -> bool:
        return self.outcome.status == "success" and not self.outcome.failed and not self.outcome.blocked


Passes = tuple[Measured, Measured, Measured]
"""All at once, all at once again, one after the other."""


def this_machine() -> dict[str, object]:
    """What the handlers change on a machine, as it is on this one: it must be the same afterwards."""
    found: dict[str, object] = {}
    for name in _CONTENT:
        found[name] = Path(name).read_bytes() if Path(name).exists() else None
    for name in _LISTINGS:
        directory = Path(name)
        entries = [(entry.name, entry.lstat()) for entry in directory.iterdir()] if directory.is_dir() else []
        found[f"{name}/"] = sorted((entry, s.st_ino, s.st_mode, s.st_size) for entry, s in entries)
    return found


def core_seconds() -> tuple[float, float]:
    """Seconds that the cores were idle, and seconds in all, since boot (proc_stat(5))."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    ticks = os.sysconf("SC_CLK_TCK")
    return (values[3] + values[4]) / ticks, sum(values) / ticks


@contextlib.asynccontextmanager
async def fresh_servers(
    directory: Path, count: int, network: wire.Wire
) -> AsyncIterator[list[servers.Server]]:
    """`count` new servers below `directory`; their client key is `directory`/key."""
    directory.mkdir()
    servers.make_key(directory / "key")
    public_key = (directory / "key.pub").read_text()
    async with contextlib.AsyncExitStack() as stack:
        starting = [
            stack.enter_async_context(
                servers.Server(
                    directory / f"server{number}", wire.node_address(number), public_key, network.far
                )
            )
            for number in range(1, count + 1)
        ]
        yield list(await asyncio.gather(*starting))


async def run_pass(order: Order, network: wire.Wire, running: list[servers.Server]) -> Measured:
    """Run one pass of the engine at the near end of the network. Raises `RuntimeError` when it broke down."""
    before = servers.counted(running)
    idle, elapsed = core_seconds()
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", "--", *network.near, sys.executable, "-m", "bench.engine_pass"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_LONGEST_PASS):
            output, _ = await process.communicate(json.dumps(asdict(order)).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the engine ended with {process.returncode}, see above")
    idle, elapsed = (now - then for now, then in zip(core_seconds(), (idle, elapsed), strict=True))
    return Measured(Outcome(**json.loads(output)), servers.counted(running) - before, busy=1 - idle / elapsed)


async def measure(directory: Path, nodes: int, delay: float, hook: float) -> Passes:
    """All at once, all at once again, one after the other. `delay` seconds each way, `hook` seconds per hook."""
    file = directory / "settings"
    file.write_bytes(os.urandom(workload.FILE_BYTES))
    workload.make_bundle(directory / "bundle")
    addresses = [wire.node_address(number) for number in range(1, nodes + 1)]
    order = Order("", str(directory / "bundle"), str(file), "", addresses, hook)
    async with wire.slow_network(delay, nodes) as network:
        async with fresh_servers(directory / "first", nodes, network) as running:
            here = replace(order, directory=str(directory / "at-once"), key=str(directory / "first/key"))
            print(f"all {nodes} at once …", file=sys.stderr)
            together = await run_pass(here, network, running)
            print("the same again …", file=sys.stderr)
            again = await run_pass(replace(here, hooks=False), network, running)
        async with fresh_servers(directory / "second", nodes, network) as running:
            here = replace(order, directory=str(directory / "one-by-one"), key=str(directory / "second/key"))
            print("one after the other …", file=sys.stderr)
            alone = await run_pass(replace(here, one_at_a_time=True), network, running)
    return together, again, alone


def table(columns: dict[str, Measured]) -> str:
    """The passes side by side."""
    rows = {
        "wall time, s": [f"{m.outcome.wall:.2f}" for m in columns.values()],
        "tasks run": [str(m.outcome.ran) for m in columns.values()],
        "tasks failed": [str(m.outcome.failed + m.outcome.blocked) for m in columns.values()],
        "changes made": [str(m.outcome.changes) for m in columns.values()],
        "logins": [str(m.counted[servers.LOGINS]) for m in columns.values()],
        "remote commands": [str(m.counted[servers.COMMANDS]) for m in columns.values()],
        "commands/s": [f"{m.counted[servers.COMMANDS] / m.outcome.wall:.1f}" for m in columns.values()],
        "file sessions": [str(m.counted[servers.FILE_SESSIONS]) for m in columns.values()],
        "engine: CPU, s": [f"{m.outcome.cpu:.2f}" for m in columns.values()],
        "engine: peak memory, MiB": [f"{m.outcome.peak_memory:.0f}" for m in columns.values()],
        "cores busy, %": [f"{m.busy * 100:.0f}" for m in columns.values()],
        "round trip before, ms": [f"{m.outcome.round_trip * 1000:.0f}" for m in columns.values()],
    }
    lines = [f"{'':26}" + "".join(f"{title:>22}" for title in columns)]
    lines += [f"{label:26}" + "".join(f"{value:>22}" for value in values) for label, values in rows.items()]
    return "\n".join(lines)


def report(options: argparse.Namespace, together: Measured, again: Measured, alone: Measured) -> bool:
    """Print everything; True when it is as it must be."""
    nodes, hooks = options.nodes, options.hook * len(workload.HOOKS)
    ratio = alone.outcome.wall / together.outcome.wall
    without_hooks = (alone.outcome.wall - nodes * hooks) / (together.outcome.wall - hooks)
    judged = nodes == NODES
    print(
        f"{nodes} OpenSSH servers x {len(workload.HANDLERS)} handlers, and {len(workload.FOR_THE_CLUSTER)} for the "
        f"cluster. {platform.machine()}, {os.cpu_count()} cores shared by engine and servers, "
        f"load {os.getloadavg()[0]:.1f} at the end.\n"
        f"Every packet is held back {options.delay:g} ms each way; each of the two hooks takes {options.hook:g} s "
        f"on its machine.\nPer machine 4 files of 1 MiB are sent.\n"
    )
    print(table({"all at once": together, "again, no hooks": again, "one after the other": alone}))
    print(
        f"\nratio                     {ratio:.1f}  "
        + (f"(required {REQUIRED_RATIO:g})" if judged else f"(judged with {NODES} servers only)")
        + f"\nratio without the hooks   {without_hooks:.1f}  (their {hooks:g} s per machine taken off both times)\n"
        f"peak memory of the engine {together.outcome.peak_memory:.0f} MiB"
    )
    problems = [
        error
        for measured in (together, again, alone)
        for error in measured.outcome.errors
        if not measured.good
    ]
    if not all(measured.good for measured in (together, again, alone)):
        problems.append("not every task ended well")
    if again.outcome.changes:
        problems.append(f"the second run changed {again.outcome.changes} things")
    if together.outcome.ran != alone.outcome.ran or together.outcome.changes != alone.outcome.changes:
        problems.append("the two ways did not do the same work")
    if judged and ratio < REQUIRED_RATIO:
        problems.append(f"the ratio is below {REQUIRED_RATIO:g}")
    for problem in problems:
        print(f"NOT GOOD: {problem}")
    return not problems


async def _until_terminated(work: Coroutine[Any, Any, Passes]) -> Passes:
    """The work, but SIGTERM cancels it as SIGINT does, so that servers and files go in any case."""
    task = asyncio.create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare all machines at once with one after the other.")
    parser.add_argument("--nodes", type=int, default=NODES, help=f"servers to start (default {NODES})")
    parser.add_argument(
        "--delay", type=float, default=20.0, help="milliseconds a packet takes, each way (default 20)"
    )
    parser.add_argument(
        "--hook", type=float, default=2.0, help="seconds each of the two hooks takes (default 2)"
    )
    options = parser.parse_args()
    if not 1 <= options.nodes <= wire.MOST_NODES:
        parser.error(f"--nodes must be between 1 and {wire.MOST_NODES}")
    reason = servers.why_not() or wire.why_not()
    if reason is not None:
        print(f"NOT MEASURED: {reason}", file=sys.stderr)
        return 2
    before, begin = this_machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tke-tui-fanout-") as directory:
        work = measure(Path(directory), options.nodes, options.delay / 1000, options.hook)
        try:
            passes = asyncio.run(_until_terminated(work))
        except (KeyboardInterrupt, asyncio.CancelledError):
            print("NOT MEASURED: interrupted", file=sys.stderr)
            return 2
    good = report(options, *passes)
    after = this_machine()
    changed = [name for name in before if before[name] != after[name]]
    print(
        f"this machine              {'CHANGED meanwhile: ' + ', '.join(changed) if changed else 'unchanged'}"
    )
    print(f"took                      {time.monotonic() - begin:.0f} s in all")
    return 0 if good and not changed else 1


if __name__ == "__main__":
    sys.exit(main())

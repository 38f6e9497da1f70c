"""One pass of the product's engine, in a process of its own so that its memory and CPU are its alone.

`python -m bench.engine_pass` reads an `Order` as JSON from standard input and prints an `Outcome` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import workload
from bench.process import cpu_seconds, peak_memory
from tke_tui.core import events as ev
from tke_tui.core import pki
from tke_tui.core.engine import Engine
from tke_tui.core.installation import Installation, create
from tke_tui.core.journal import Journal
from tke_tui.core.kubeadm.credentials import CA_CERT
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.state import RunState

_PROBES = 5


@dataclass(frozen=True)
class Order:
    """What to run. `one_at_a_time`: a machine begins when the one before is done; `hooks` False leaves them out.

    An installation `directory` that exists is begun anew, with its credentials: everything runs again.
    """

    directory: str
    bundle: str
    file: str
    key: str
    addresses: list[str]
    hook_seconds: float
    one_at_a_time: bool = False
    hooks: bool = True


@dataclass(frozen=True)
class Outcome:
    """How it went. Seconds, bytes as MiB; `changes` is what the tasks changed, `errors` one line per failed task.

    `round_trip` is the median of TCP handshakes with the first machine just before the pass.
    """

    status: str
    wall: float
    ran: int
    failed: int
    blocked: int
    changes: int
    errors: list[str]
    cpu: float
    peak_memory: float
    round_trip: float


async def run(order: Order) -> Outcome:
    para = workload.make_input(
        Path(order.file), order.addresses, Path(order.key).read_text(), order.hook_seconds
    )
    settings = RunSettings(Path(order.bundle), host_key_policy="accept-new", use_agent=False)
    installation = create(InstallDir(Path(order.directory)), para, settings, force=True)
    await asyncio.to_thread(_certificates, installation)
    graph = workload.plan(installation.para, hooks=order.hooks)
    if order.one_at_a_time:
        graph = workload.one_machine_at_a_time(graph)
    round_trip = await _round_trip(order.addresses[0])
    changes: list[str] = []

    def listen(event: ev.Event) -> None:
        if isinstance(event, ev.TaskSucceeded):
            changes.extend(event.changes)

    state = RunState()
    journal = Journal.open(installation.directory.journal, last_seq=0)
    logs = NodeLogs(installation.directory)
    before = cpu_seconds()
    try:
        async with installation.runtime() as runtime:
            services = installation.services(runtime, state)
            result = await Engine(graph, services, journal, state, logs, listeners=(listen,)).run()
    finally:
        logs.close()
        await journal.close()
    return Outcome(
        status=result.status,
        wall=result.seconds,
        ran=result.ran,
        failed=result.failed,
        blocked=result.blocked,
        changes=len(changes),
        errors=[f"{task}: {error.title}: {error.detail}" for task, error in result.errors],
        cpu=cpu_seconds() - before,
        peak_memory=peak_memory(),
        round_trip=round_trip,
    )


def _certificates(installation: Installation) -> None:
    """What tasks that are not part of the benchmark would have made before: the two CAs' certificates and keys."""
    if CA_CERT not in installation.secrets:
        installation.secrets.update({CA_CERT: pki.make_ca().cert_pem})
    if not (installation.directory.pki / "admin.crt").exists():
        admin = pki.issue(pki.make_ca(), pki.ADMIN)
        write_private(installation.directory.pki / "admin.key", admin.key_pem)
        write_private(installation.directory.pki / "admin.crt", admin.cert_pem)


async def _round_trip(address: str) -> float:
    seconds = []
    for _ in range(_PROBES):
        begin = time.perf_counter()
        _, writer = await asyncio.open_connection(address, 22)
        seconds.append(time.perf_counter() - begin)
        writer.close()
        await writer.wait_closed()
    return statistics.median(seconds)


def main() -> None:
    print(json.dumps(asdict(asyncio.run(run(Order(**json.load(sys.stdin)))))))


if __name__ == "__main__":
    main()

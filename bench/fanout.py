"""Measure what running on all machines at once saves: `python -m bench.fanout`.

Starts real OpenSSH servers on loopback addresses (127.0.1.1, 127.0.1.2, …), each with its own host key, configuration
and mount namespace, and runs the same twelve operations on every one of them through the SSH adapter: first on all
machines at once, then on one after the other. Exit code 1 when the ratio is below `REQUIRED_RATIO`, 2 when servers
cannot be started here.

Client and servers share this machine's cores, so work that only burns CPU cannot go side by side here as it does on
real machines. Each operation therefore ends with a `sleep` on its machine, and both passes are measured once more
without it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import platform
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.contract.openssh import OpenSsh, why_not
from tke_tui.core.adapters.ssh import Login, SshConnection, SshPool, SshSettings

REQUIRED_RATIO = 10.0
UPLOAD_BYTES = 1 << 20
SYSCTL = b"net.ipv4.ip_forward = 1\nnet.ipv4.tcp_fin_timeout = 30\nvm.max_map_count = 262144\n"


@dataclass(frozen=True)
class Job:
    """What one pass does on a machine: `label` keeps the files of the passes apart, `work` in seconds."""

    label: str
    work: float
    package: Path
    sha256: str


@dataclass(frozen=True)
class Pass:
    """Seconds one pass took for logging in and for the operations."""

    login: float
    operations: float

    @property
    def wall(self) -> float:
        return self.login + self.operations


Operation = Callable[[SshConnection, Job], Awaitable[None]]


def _read_only(*argv: str) -> Operation:
    async def operation(connection: SshConnection, job: Job) -> None:
        await _must(connection, *argv)

    return operation


async def _hosts(connection: SshConnection, job: Job) -> None:
    before = await connection.read_file("/etc/hosts") or b""
    await connection.write_file("/etc/hosts", before + f"10.0.0.1 {job.label}.example\n".encode())


async def _sysctl_file(connection: SshConnection, job: Job) -> None:
    await connection.write_file(f"/etc/sysctl.d/{job.label}.conf", SYSCTL)


async def _unit_file(connection: SshConnection, job: Job) -> None:
    unit = f"[Unit]\nDescription={job.label}\n".encode()
    await connection.write_file(f"/etc/systemd/system/{job.label}.service", unit)
    if await connection.read_file(f"/etc/systemd/system/{job.label}.service") != unit:
        raise RuntimeError("the unit file is not what was written")


async def _secret_file(connection: SshConnection, job: Job) -> None:
    await connection.write_file(f"/etc/kubernetes/{job.label}.key", os.urandom(2048), mode=0o600)


async def _upload(connection: SshConnection, job: Job) -> None:
    if not await connection.upload(job.package, f"/opt/{job.label}.tar.gz", sha256=job.sha256):
        raise RuntimeError("the package was there already")


OPERATIONS: tuple[Operation, ...] = (
    _read_only("uname", "-a"),
    _read_only("id", "-u"),
    _read_only("df", "-P", "/"),
    _read_only("ss", "-ltn"),
    _read_only("cat", "/proc/sys/net/ipv4/ip_forward"),
    _read_only("stat", "-c", "%a", "/etc/passwd"),
    _read_only("cat", "/proc/meminfo"),
    _hosts,
    _sysctl_file,
    _unit_file,
    _secret_file,
    _upload,
)


async def _must(connection: SshConnection, *argv: str) -> None:
    result = await connection.run(argv)
    if result.exit_code != 0:
        raise RuntimeError(f"{argv} ended with {result.exit_code}: {result.stderr}")


async def _work_on(connection: SshConnection, job: Job) -> None:
    for operation in OPERATIONS:
        await operation(connection, job)
        await _must(connection, "sleep", f"{job.work:g}")


async def _at_once(pool: SshPool, logins: list[Login], job: Job) -> Pass:
    begin = time.perf_counter()
    connections = await asyncio.gather(*(pool.get(login) for login in logins))
    middle = time.perf_counter()
    await asyncio.gather(*(_work_on(connection, job) for connection in connections))
    return Pass(middle - begin, time.perf_counter() - middle)


async def _one_by_one(pool: SshPool, logins: list[Login], job: Job) -> Pass:
    login_time = operation_time = 0.0
    for login in logins:
        begin = time.perf_counter()
        connection = await pool.get(login)
        middle = time.perf_counter()
        await _work_on(connection, job)
        login_time += middle - begin
        operation_time += time.perf_counter() - middle
    return Pass(login_time, operation_time)


async def _measure(directory: Path, nodes: int, work: float) -> list[Pass]:
    package = directory / "package"
    package.write_bytes(os.urandom(UPLOAD_BYTES))
    sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    port = _free_port()
    servers = [OpenSsh(directory / f"node{n}", f"127.0.1.{n}", port) for n in range(1, nodes + 1)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(server) for server in servers))
        logins = [Login(server.address, port, private_key=server.client_key) for server in servers]
        settings = SshSettings(
            known_hosts=directory / "known_hosts", host_key_policy="accept-new", use_agent=False
        )
        passes = []
        for label, run, busy in (
            ("at-once", _at_once, work),
            ("one-by-one", _one_by_one, work),
            ("at-once-idle", _at_once, 0.0),
            ("one-by-one-idle", _one_by_one, 0.0),
        ):
            pool = SshPool(settings, lambda text: text)
            try:
                passes.append(await run(pool, logins, Job(label, busy, package, sha256)))
            finally:
                await pool.close()
    return passes


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.1.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare all machines at once with one after the other.")
    parser.add_argument("--nodes", type=int, default=20, help="OpenSSH servers to start (default 20)")
    parser.add_argument(
        "--work", type=float, default=0.3, help="seconds each operation keeps its machine busy (default 0.3)"
    )
    options = parser.parse_args()
    reason = why_not()
    if reason is not None:
        print(f"NOT MEASURED: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tke-tui-fanout-") as directory:
        together, alone, idle_together, idle_alone = asyncio.run(
            _measure(Path(directory), options.nodes, options.work)
        )
    ratio = alone.wall / together.wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    waiting = options.work * len(OPERATIONS)
    print(
        f"{options.nodes} OpenSSH servers, {len(OPERATIONS)} operations each (1 MiB uploaded), "
        f"{os.cpu_count()} cores shared by client and servers, {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}\n"
        f"  all at once         {together.wall:7.2f} s  (login {together.login:.2f} s, "
        f"{options.nodes / together.login:.0f} logins/s)\n"
        f"  one after the other {alone.wall:7.2f} s  (login {alone.login:.2f} s, "
        f"{options.nodes / alone.login:.0f} logins/s)\n"
        f"  ratio               {ratio:7.1f}    (required {REQUIRED_RATIO:g})\n"
        f"  peak memory of the client {memory:.0f} MiB\n"
        f"Each operation ends with `sleep {options.work:g}` on its machine ({waiting:.1f} s per machine in all), "
        "which stands for\nunpacking, starting and waiting: real machines do that with CPUs of their own. All the rest "
        "is real work\nthat shares these cores. Measured without the sleeps: "
        f"{idle_together.wall:.2f} s against {idle_alone.wall:.2f} s, ratio {idle_alone.wall / idle_together.wall:.1f}."
    )
    return 0 if ratio >= REQUIRED_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())

"""The fan-out benchmark compares what it says it compares."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bench import servers, wire, workload
from tke_tui.core.bundle import Bundle
from tke_tui.core.graph import Graph
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.plan import CREATE_HANDLERS

ADDRESSES = [f"198.19.1.{number}" for number in range(1, 5)]


@pytest.fixture
def para(tmp_path: Path) -> CreateClusterPara:
    given = workload.make_input(tmp_path / "file", ADDRESSES, "no key", 2)
    return apply_defaults(given, (workload.KUBERNETES,))


def _before(graph: Graph, task_id: str) -> set[str]:
    """Everything that ends before this task begins."""
    found: set[str] = set()
    left = list(graph[task_id].needs)
    while left:
        need = left.pop()
        if need not in found:
            found.add(need)
            left += graph[need].needs
    return found


def test_twelve_handlers_of_the_product_run_on_every_machine(para: CreateClusterPara) -> None:
    graph = workload.plan(para)
    assert len(workload.HANDLERS) == 12
    assert set(workload.HANDLERS) <= set(CREATE_HANDLERS)
    for address in ADDRESSES:
        assert {type(p.task) for p in graph.included if p.node == address} == set(workload.HANDLERS)
    assert {type(p.task) for p in graph.included if not p.node} == set(workload.FOR_THE_CLUSTER)


def test_machines_do_not_wait_for_each_other_when_all_run_at_once(para: CreateClusterPara) -> None:
    graph = workload.plan(para)
    for planned in graph.included:
        assert {graph[need].node for need in _before(graph, planned.id)} <= {planned.node, ""}


def test_one_after_the_other_is_the_same_work_in_strict_order(para: CreateClusterPara) -> None:
    at_once = workload.plan(para)
    graph = workload.one_machine_at_a_time(at_once)
    assert [p.id for p in graph.included] == [p.id for p in at_once.included]
    for planned in graph.included:
        if planned.node:
            earlier = ADDRESSES[: ADDRESSES.index(planned.node)]
            assert {p.id for p in graph.included if p.node in earlier} <= _before(graph, planned.id)


def test_the_bundle_of_the_benchmark_is_whole(tmp_path: Path) -> None:
    workload.make_bundle(tmp_path)
    assert list(Bundle.open(tmp_path).verify()) == []


NOT_HERE = servers.why_not() or wire.why_not()


@pytest.mark.skipif(NOT_HERE is not None, reason=NOT_HERE or "")
async def test_a_server_has_a_root_of_its_own_a_slow_network_and_no_power_over_the_kernel(
    tmp_path: Path,
) -> None:
    servers.make_key(tmp_path / "key")
    address, delay = wire.node_address(1), 0.05
    hosts, swappiness = Path("/etc/hosts").read_bytes(), Path("/proc/sys/vm/swappiness").read_text()
    script = (
        "echo 10.0.0.1 from-the-bench >>/etc/hosts && : >/usr/bin/from-the-bench && cat /proc/swaps; "
        "echo 99 >/proc/sys/vm/swappiness; mount -t tmpfs none /mnt; cat /proc/[0-9]*/comm"
    )
    async with wire.slow_network(delay, 1) as network:
        public_key = (tmp_path / "key.pub").read_text()
        async with servers.Server(tmp_path / "server", address, public_key, network.far) as server:
            ssh = await asyncio.create_subprocess_exec(
                *(*network.near, "ssh", "-F", "none", "-i", str(tmp_path / "key"), "-o", "BatchMode=yes"),
                *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path / 'known'}"),
                *(f"root@{address}", script),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            began = time.monotonic()
            output, complaints = await ssh.communicate()
            took = time.monotonic() - began
    lines = output.decode().splitlines()
    assert lines[0].startswith("Filename"), complaints.decode()
    assert "Read-only file system" in complaints.decode()
    assert "mount" in complaints.decode()
    assert "sshd" in lines
    assert "unshare" not in lines, "it sees processes of this machine"
    assert Path("/etc/hosts").read_bytes() == hosts
    assert not Path("/usr/bin/from-the-bench").exists()
    assert Path("/proc/sys/vm/swappiness").read_text() == swappiness
    # Handshake, key exchange, login and command need at least this many round trips.
    assert took > 5 * 2 * delay
    assert server.counts == {servers.LOGINS: 1, servers.COMMANDS: 1}

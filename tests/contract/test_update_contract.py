"""Every handler that changes a standing cluster keeps the contract of a task, wherever it is broken off."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.test_control_plane_contract import state
from tests.contract.update_world import (
    NEWER,
    Standing,
    bundle_with_newer,
    changing_operations,
    let_end,
    para_with,
)
from tke_tui.core.context import Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.handlers import ensure_control_plane_settings
from tke_tui.core.handlers.ensure_api_server_cert import EnsureAPIServerCert
from tke_tui.core.handlers.ensure_control_plane_endpoint import EnsureControlPlaneEndpoint
from tke_tui.core.handlers.ensure_control_plane_settings import EnsureControlPlaneSettings
from tke_tui.core.handlers.ensure_kube_proxy_endpoint import EnsureKubeProxyEndpoint
from tke_tui.core.handlers.ensure_kubelet_settings import EnsureKubeletSettings
from tke_tui.core.handlers.ensure_renew_certs import EnsureRenewCerts, Renewal
from tke_tui.core.handlers.ensure_upgrade_control_plane_node import EnsureUpgradeControlPlaneNode
from tke_tui.core.model.machine import Machine
from tke_tui.core.task import Scope, Task
from tke_tui.lab.certificates import make_ca, make_leaf

BALANCER = {"thirdParty": {"vip": "127.0.0.50", "vport": 16443}}
KUBELET_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"


def kubelet_was_off(world: ControlPlaneWorld) -> None:
    world.first.put(KUBELET_CERTIFICATE.rpartition("/")[0] + "/x", "")
    world.first.put(KUBELET_CERTIFICATE, "".join(make_leaf("kubelet", (), *make_ca("ca"), 1, -2)), mode=0o600)


@dataclass(frozen=True)
class Case:
    """A handler on the machine of that index, of a cluster of so many machines whose input becomes `change`."""

    name: str
    make: Callable[[], Task]
    index: int = 0
    machines: int = 1
    change: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[ControlPlaneWorld], None] = lambda world: None

    def machine(self, world: ControlPlaneWorld) -> Machine | None:
        return None if self.make().scope is Scope.CLUSTER else world.para.machines[self.index]


FORCED = Renewal(forced="5f2a")
CASES = [
    Case("renew everything", lambda: EnsureRenewCerts(FORCED)),
    Case("renew everything on the second machine", lambda: EnsureRenewCerts(FORCED), 1, 2),
    Case(
        "renew what ends", EnsureRenewCerts, prepare=lambda world: let_end(world, "apiserver-etcd-client", 29)
    ),
    Case("renew after kubelet was off", EnsureRenewCerts, prepare=kubelet_was_off),
    Case("add a name", EnsureAPIServerCert, 0, 1, {"publicAlternativeNames": ["api.example.com"]}),
    Case("add names on the second", EnsureAPIServerCert, 1, 2, {"publicAlternativeNames": ["192.0.2.7"]}),
    Case("arguments", EnsureControlPlaneSettings, 0, 1, {"apiServerExtraArgs": {"v": "4"}}),
    Case("arguments on the second", EnsureControlPlaneSettings, 1, 2, {"schedulerExtraArgs": {"v": "4"}}),
    Case("kubelet", EnsureKubeletSettings, 0, 1, {"kubeletExtraArgs": {"v": "4"}}),
    Case("kubelet of the second", EnsureKubeletSettings, 1, 2, {"kubeletExtraArgs": {"v": "4"}}),
    Case("address", EnsureControlPlaneEndpoint, 0, 1, {"ha": BALANCER}),
    Case("address on the second", EnsureControlPlaneEndpoint, 1, 2, {"ha": BALANCER}),
    Case("address of kube-proxy", EnsureKubeProxyEndpoint, 0, 1, {"ha": BALANCER}),
    Case("upgrade", EnsureUpgradeControlPlaneNode, 0, 1, {"version": NEWER}),
    Case("upgrade of the first of two", EnsureUpgradeControlPlaneNode, 0, 2, {"version": NEWER}),
]

SAME = ("renew everything", "upgrade", "kubelet", "add a name", "arguments")
"""Broken off like those on another machine."""


def looks(case: Case) -> bool:
    """Whether the handler finds out by itself; others are only in a plan when their part of the input changed."""
    made = case.make()
    return not isinstance(made, EnsureControlPlaneSettings | EnsureKubeletSettings | EnsureKubeProxyEndpoint)


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(ensure_control_plane_settings, "TAKE_UP_SECONDS", 0.0)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    bundle = bundle_with_newer(tmp_path_factory.mktemp("bundle"))
    return Standing(tmp_path_factory.mktemp("standing"), bundle)


async def before(case: Case, base: Path, standing: Standing) -> ControlPlaneWorld:
    world = await standing.copy(base, para_with(case.machines, **case.change), case.machines)
    case.prepare(world)
    return world


async def undisturbed(case: Case, base: Path, standing: Standing) -> tuple[list[int], Any]:
    """Which operations of a run change anything, and how it leaves the world; found out once for each case."""
    if case.name not in standing.known:
        world, task = await before(case, base, standing), case.make()
        machine = case.machine(world)
        numbers, stop = changing_operations(world, machine.ip if machine else world.para.first.ip)
        await world.run_on(task, machine)
        stop()
        standing.known[case.name] = numbers(), state(world)
    found: tuple[list[int], Any] = standing.known[case.name]
    return found


@every_case
async def test_second_run_changes_nothing_and_check_says_so(
    case: Case, tmp_path: Path, standing: Standing
) -> None:
    world, task = await before(case, tmp_path, standing), case.make()
    machine = case.machine(world)
    assert not await task.check(world.context(task, Mode.CHECK, machine))

    assert (await world.run_on(task, machine)).changes != []
    after = state(world)

    assert (await world.run_on(task, machine)).changes == []
    assert await task.check(world.context(task, Mode.CHECK, machine))
    assert state(world) == after


@every_case
async def test_dry_run_changes_nothing_and_names_the_changes(
    case: Case, tmp_path: Path, standing: Standing
) -> None:
    world, task = await before(case, tmp_path, standing), case.make()
    was = state(world)

    planned = await world.run_on(task, case.machine(world), Mode.PLAN)

    assert planned.changes != []
    assert state(world) == was


@pytest.mark.parametrize("case", [case for case in CASES if looks(case)], ids=lambda case: case.name)
async def test_nothing_is_to_be_done_where_all_is_as_it_should_be(
    case: Case, tmp_path: Path, standing: Standing
) -> None:
    """Without the change of the input, and with certificates that are good for long."""
    task = case.make()
    if isinstance(task, EnsureRenewCerts):
        task = EnsureRenewCerts()
    world = await standing.copy(tmp_path, para_with(case.machines), case.machines)
    machine = case.machine(world)
    if isinstance(task, EnsureControlPlaneEndpoint):
        await world.run_on(task, machine)

    assert (await world.run_on(task, machine)).changes == []


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in SAME], ids=lambda case: case.name
)
@pytest.mark.parametrize("fault", ["cancel", "fail"])
async def test_interrupted_at_any_change_then_run_again_ends_like_an_undisturbed_run(
    case: Case, fault: str, tmp_path: Path, standing: Standing
) -> None:
    numbers, expected = await undisturbed(case, tmp_path / "smooth", standing)
    task = case.make()

    for number in numbers:
        world = await before(case, tmp_path / str(number), standing)
        machine = case.machine(world)
        model = world.machines[machine.ip] if machine else world.first
        model.operations, model.fault_at, model.fault = 0, number, fault
        # Broken off before it would be the same as after the one before: between them everything only looks.
        model.fault_after = fault == "cancel"
        with contextlib.suppress(TkeError, asyncio.CancelledError):
            await world.run_on(task, machine)
        model.fault_at = 0

        await world.run_on(task, machine)

        assert state(world) == expected, f"{fault} at operation {number}: {model.log[-40:]}"

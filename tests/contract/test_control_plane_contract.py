"""Every control plane handler keeps the contract of a task: idempotent, checkable, plannable, restartable."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract.control_plane_order import ORDER, up_to
from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.handlers.ensure_cluster_complete import EnsureClusterComplete
from tke_tui.core.handlers.ensure_keepalived_init import EnsureKeepalivedInit
from tke_tui.core.handlers.ensure_keepalived_with_lb import EnsureKeepalivedWithLB
from tke_tui.core.handlers.ensure_kubeadm_init_phase_wait_control_plane import (
    EnsureKubeadmInitPhaseWaitControlPlane,
)
from tke_tui.core.handlers.ensure_kubeconfig import EnsureKubeconfig
from tke_tui.core.handlers.ensure_mark_control_plane import EnsureMarkControlPlane
from tke_tui.core.handlers.ensure_patch_annotation import EnsurePatchAnnotation
from tke_tui.core.handlers.ensure_third_party_ha import EnsureThirdPartyHA
from tke_tui.core.handlers.ensure_third_party_ha_init import EnsureThirdPartyHAInit
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Scope, Task
from tke_tui.lab.bundle import make_packages

NO_UNITS: dict[str, Any] = {"loaded": {}, "states": {}, "active": set()}
KEEPALIVED = {"tke": {"vip": "127.0.0.100"}}
BALANCER = {"thirdParty": {"vip": "127.0.0.50", "vport": 16443}}


@cache
def ha_para(kind: str, machines: int) -> CreateClusterPara:
    """An input with the given kind of high availability ("" = none) and an authorization webhook."""
    ha = {"keepalived": KEEPALIVED, "balancer": BALANCER}.get(kind)
    para = make_para(machines, features={"authzWebhookAddr": {"builtin": {}}})
    para.config.ha = HA.model_validate(ha) if ha else None
    return para


@dataclass(frozen=True)
class Case:
    """A handler on the machine of that index; `changes` is False where there is never anything to change."""

    kind: type[Task]
    index: int = 0
    ha: str = "keepalived"
    changes: bool = True

    def __str__(self) -> str:
        return f"{self.kind.__name__}-{self.index}"

    @property
    def para(self) -> CreateClusterPara:
        """Two machines, or as many as it takes to have one of that index."""
        joins = self.kind().scope is Scope.REST
        return ha_para(self.ha, max(2, self.index + 1 + joins))


CASES = [
    Case(EnsureClusterComplete),
    Case(EnsureKeepalivedInit),
    Case(EnsureKeepalivedInit, 1),
    Case(EnsureThirdPartyHAInit, 0, "balancer"),
    Case(EnsureThirdPartyHAInit, 1, "balancer"),
    *(Case(kind) for kind in ORDER[3:12]),
    Case(EnsureKubeconfig, 1),
    Case(EnsureKubeadmInitPhaseWaitControlPlane, changes=False),
    *(Case(kind) for kind in ORDER[13:17]),
    *(Case(kind) for kind in ORDER[17:22]),
    Case(EnsurePatchAnnotation, 0),
    Case(EnsurePatchAnnotation, 1, changes=False),
    Case(EnsureMarkControlPlane, 0),
    Case(EnsureMarkControlPlane, 1),
    Case(EnsureKeepalivedWithLB, 0),
    Case(EnsureKeepalivedWithLB, 1),
    Case(EnsureThirdPartyHA, 1, "balancer"),
]

THIRD_MACHINE = [Case(kind, 1) for kind in ORDER[17:22]]

every_handler = pytest.mark.parametrize("case", CASES, ids=str)
every_handler_and_third_machine = pytest.mark.parametrize("case", [*CASES, *THIRD_MACHINE], ids=str)


class Templates:
    """A world per case with everything done that comes before, made once and copied for each use."""

    def __init__(self, base: Path, bundle: Bundle) -> None:
        self._base = base
        self.bundle = bundle
        self._ready: dict[Case, ControlPlaneWorld] = {}

    async def before(self, case: Case, base: Path) -> ControlPlaneWorld:
        if case not in self._ready:
            directory = self._base / str(case)
            directory.mkdir()
            world = ControlPlaneWorld(directory, self.bundle, case.para)
            leftover_rules(world, case)
            await world.run_all(up_to(case.kind))
            task = case.kind()
            for machine in task.machines(world.para)[: case.index]:
                await world.run_on(task, machine)
            self._ready[case] = world
        return self._ready[case].clone(base)

    def bare(self, case: Case, base: Path) -> ControlPlaneWorld:
        base.mkdir(parents=True, exist_ok=True)
        return ControlPlaneWorld(base, self.bundle, case.para)


def leftover_rules(world: ControlPlaneWorld, case: Case) -> None:
    """Two copies of a rule of an earlier installation, where it is in the way."""
    vip, port = world.para.advertise or ("", 0)
    match = ("-d", f"{vip}/32", "-p", "tcp", "--dport", str(port))
    end = ("KUBE-SVC-NPX46M4PTMTKRN6Y",) if case.ha == "keepalived" else ("REDIRECT", "--to-ports", "6443")
    in_the_way = list(world.machines.values())[0 if case.ha == "keepalived" else 1 :]
    for machine in in_the_way:
        machine.facts["rules"] = [("nat", "OUTPUT", *match, "-j", *end)] * 2


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"), make_packages(tmp_path_factory.mktemp("bundle")))


def state(world: ControlPlaneWorld) -> dict[str, Any]:
    """All that lasts, comparable between worlds: files, rules, units, API objects without times, etcd, secrets."""
    world.cluster.start_etcd()
    return {
        "files": {ip: machine.tree() for ip, machine in world.machines.items()},
        "rules": {ip: sorted(set(machine.facts.get("rules", []))) for ip, machine in world.machines.items()},
        "units": {ip: machine.facts.get("systemd") or NO_UNITS for ip, machine in world.machines.items()},
        "objects": {key: content.get("metadata") for key, content in world.cluster.objects.items()},
        "members": dict(world.cluster.members),
        "secrets": sorted(world.secrets),
    }


@every_handler_and_third_machine
async def test_second_run_changes_nothing_and_check_says_so(
    case: Case, tmp_path: Path, templates: Templates
) -> None:
    world, task = await templates.before(case, tmp_path), case.kind()
    machine = task.machines(world.para)[case.index] if task.machines(world.para) else None
    assert await task.check(world.context(task, Mode.CHECK, machine)) is not case.changes

    first = await world.run_on(task, machine)
    assert bool(first.changes) is case.changes
    after = state(world)

    again = await world.run_on(task, machine)
    assert again.changes == []
    assert await task.check(world.context(task, Mode.CHECK, machine))
    assert state(world) == after


@every_handler
@pytest.mark.parametrize("prepared", [True, False], ids=["in its turn", "on bare machines"])
async def test_dry_run_changes_nothing_and_names_the_changes(
    case: Case, prepared: bool, tmp_path: Path, templates: Templates
) -> None:
    world = await templates.before(case, tmp_path) if prepared else templates.bare(case, tmp_path)
    task = case.kind()
    machine = task.machines(world.para)[case.index] if task.machines(world.para) else None
    before = state(world)

    planned = await world.run_on(task, machine, Mode.PLAN)

    assert state(world) == before
    assert world.api.patches == 0
    if prepared:
        assert bool(planned.changes) is case.changes


@every_handler
async def test_check_on_a_bare_machine_says_that_there_is_work(
    case: Case, tmp_path: Path, templates: Templates
) -> None:
    world, task = templates.bare(case, tmp_path), case.kind()
    machine = task.machines(world.para)[case.index] if task.machines(world.para) else None
    nothing_left_over = case.kind in (EnsureKeepalivedInit, EnsureThirdPartyHAInit) and case.index > 0
    nothing_to_annotate = case.kind is EnsurePatchAnnotation

    done = await task.check(world.context(task, Mode.CHECK, machine))

    assert done is (nothing_left_over or nothing_to_annotate)


@every_handler
@pytest.mark.parametrize("fault", ["cancel", "fail"])
async def test_interrupted_at_any_point_then_run_again_ends_like_an_undisturbed_run(
    case: Case, fault: str, tmp_path: Path, templates: Templates
) -> None:
    smooth, task = await templates.before(case, tmp_path / "smooth"), case.kind()
    machine = task.machines(smooth.para)[case.index] if task.machines(smooth.para) else None
    address = machine.ip if machine else smooth.para.first.ip
    smooth.machines[address].operations = 0
    await smooth.run_on(task, machine)
    expected, operations = state(smooth), smooth.machines[address].operations

    for number in range(1, operations + 1):
        for after in (False, True) if fault == "cancel" else (False,):
            world = await templates.before(case, tmp_path / f"{number}{after}")
            model = world.machines[address]
            model.operations, model.fault_at, model.fault, model.fault_after = 0, number, fault, after
            with contextlib.suppress(TkeError, asyncio.CancelledError):
                await world.run_on(task, machine)
            model.fault_at = 0

            await world.run_on(task, machine)

            where = f"{fault} {'after' if after else 'before'} operation {number}"
            assert state(world) == expected, where

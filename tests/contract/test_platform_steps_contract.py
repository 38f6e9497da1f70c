"""The steps between the cluster and the platform's result keep the contract of a task."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.platform_world import (
    apis_registered,
    cluster_stands,
    gateway_up,
    give_gateway,
    imported_before,
    namespace_there,
)
from tests.contract.steps_world import StepWorld, step_world
from tests.contract.test_steps_contract import cancel_at, fail_after
from tests.contract.update_world import NEWER
from tke_tui.core.context import Mode
from tke_tui.core.errors import Retryable
from tke_tui.core.steps.create_namespace import CreateNamespace
from tke_tui.core.steps.execute_post_install_hook import ExecutePostInstallHook
from tke_tui.core.steps.hold_platform import HoldPlatform
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.core.steps.install_etcd import InstallEtcd
from tke_tui.core.steps.prepare_baremetal_provider_config import PrepareBaremetalProviderConfig
from tke_tui.core.steps.prepare_certificates import PrepareCertificates
from tke_tui.core.steps.prepare_front_proxy_certificates import PrepareFrontProxyCertificates
from tke_tui.core.steps.prepare_images import PrepareImages
from tke_tui.core.steps.prepare_push_images_to_tke_registry import PreparePushImagesToTKERegistry
from tke_tui.core.steps.push_images_to_registry import PushImagesToRegistry
from tke_tui.core.steps.register_api import RegisterAPI
from tke_tui.core.steps.set_global_cluster_hosts import SetGlobalClusterHosts
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.core.steps.stop_local_registry import StopLocalRegistry
from tke_tui.core.steps.update_resource import UpdateResource
from tke_tui.core.task import Task


async def front_proxy_ca_unread(world: StepWorld) -> None:
    await cluster_stands(world)
    (world.directory.pki / "front-proxy-ca.crt").unlink()


async def with_gateway(world: StepWorld) -> None:
    await cluster_stands(world)
    give_gateway(world)


async def local_registry_runs(world: StepWorld) -> None:
    world.load()
    await world.run(SetupLocalRegistry())
    await with_gateway(world)


async def gateway(world: StepWorld) -> None:
    await gateway_up(world)


async def registry_trusted(world: StepWorld) -> None:
    await gateway_up(world)
    await world.run(PreparePushImagesToTKERegistry())


async def updated(world: StepWorld) -> None:
    await imported_before(world, version=NEWER, publicAlternativeNames=["api.example.com"])
    world.secrets.update({"cluster/etcd-ca.key": "another key"})


async def hook(world: StepWorld) -> None:
    await with_gateway(world)
    world.hook("post-install", f"#!/bin/sh\ncp {world.directory.root}/result.json {world.home}/seen\n")


@dataclass(frozen=True)
class Case:
    task: type[Task]
    prepare: Callable[[StepWorld], Awaitable[None]]
    changes: int
    """How often it asks the gate on its first run."""
    at_each_run: int = 0
    """Changes that nobody can see to be done: a hook."""


CASES = {
    "front proxy CA": Case(PrepareFrontProxyCertificates, front_proxy_ca_unread, 1),
    "namespace": Case(CreateNamespace, cluster_stands, 1),
    "certificates": Case(PrepareCertificates, namespace_there, 10),
    "provider config": Case(PrepareBaremetalProviderConfig, namespace_there, 9),
    "etcd": Case(InstallEtcd, namespace_there, 2),
    "images before the local registry stops": Case(PrepareImages, with_gateway, 1),
    "stop the local registry": Case(StopLocalRegistry, local_registry_runs, 2),
    "register the APIs": Case(RegisterAPI, namespace_there, 3),
    "import the cluster": Case(ImportResource, apis_registered, 2),
    "hold the platform back": Case(HoldPlatform, updated, 1),
    "update the record of the cluster": Case(UpdateResource, updated, 3),
    "prepare pushing": Case(PreparePushImagesToTKERegistry, gateway, 2),
    "push to the platform's registry": Case(PushImagesToRegistry, registry_trusted, 6),
    "hosts of the machines": Case(SetGlobalClusterHosts, gateway, 2),
    "post-install hook": Case(ExecutePostInstallHook, hook, 2, at_each_run=1),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    return path


@pytest.fixture
async def world(tmp_path: Path, home: Path) -> AsyncIterator[StepWorld]:
    async with step_world(tmp_path, home) as made:
        yield made


@pytest.fixture(params=CASES)
async def case(request: pytest.FixtureRequest, world: StepWorld) -> Case:
    chosen = CASES[request.param]
    await chosen.prepare(world)
    return chosen


async def is_done(world: StepWorld, task: Task) -> bool:
    return await task.check(world.context(task, Mode.CHECK))


async def assert_settled(world: StepWorld, case: Case, task: Task) -> None:
    world.done.add((task.name, ""))
    assert await is_done(world, task)
    before = world.snapshot()
    assert len((await world.run(task)).changes) == case.at_each_run
    assert world.snapshot() == before


async def test_a_second_run_finds_nothing_to_do(case: Case, world: StepWorld) -> None:
    task = case.task()
    assert not await is_done(world, task)
    context = await world.run(task)
    assert len(context.changes) == case.changes, context.changes
    await assert_settled(world, case, task)


async def test_a_plan_and_a_check_change_nothing(case: Case, world: StepWorld) -> None:
    task, before = case.task(), world.snapshot()
    planned = await world.run(task, Mode.PLAN)
    await is_done(world, task)
    assert world.snapshot() == before
    assert planned.changes


async def test_it_goes_on_after_a_cancellation_at_any_change(case: Case, world: StepWorld) -> None:
    for number in range(case.changes):
        attempt = asyncio.create_task(world.run(case.task()))
        world.on_change = cancel_at(number, attempt)
        outcome = (await asyncio.gather(attempt, return_exceptions=True))[0]
        assert not isinstance(outcome, Exception)
    world.on_change = lambda: None
    task = case.task()
    await world.run(task)
    await assert_settled(world, case, task)


async def test_it_goes_on_after_a_failure_at_any_change(case: Case, world: StepWorld) -> None:
    for _ in range(case.changes + 1):
        world.on_change = fail_after(1)
        with contextlib.suppress(Retryable):
            await world.run(case.task())
    world.on_change = lambda: None
    task = case.task()
    last = await world.run(task)
    assert len(last.changes) == case.at_each_run
    await assert_settled(world, case, task)

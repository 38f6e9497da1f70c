"""Every installer step keeps the contract of a task: idempotent, checkable, plannable, restartable."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.steps_world import StepWorld, step_world
from tke_tui.core.context import Mode
from tke_tui.core.errors import Retryable
from tke_tui.core.steps.create_global_cluster import CreateGlobalCluster
from tke_tui.core.steps.execute_post_cluster_ready_hook import ExecutePostClusterReadyHook
from tke_tui.core.steps.execute_pre_install_hook import ExecutePreInstallHook
from tke_tui.core.steps.generate_certificates import GenerateCertificates
from tke_tui.core.steps.installer_hook import InstallerHook
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.core.steps.write_kubeconfig import WriteKubeconfig
from tke_tui.core.task import Task
from tke_tui.lab.registry import RegistryServer


async def nothing(world: StepWorld) -> None:
    return None


async def loaded(world: StepWorld) -> None:
    world.load()


async def registry_up(world: StepWorld) -> None:
    world.load()
    await world.start_registry()


async def third_party(world: StepWorld) -> None:
    await world.use_third_party(RegistryServer(auth="basic"))
    world.load()


async def nodes(world: StepWorld) -> None:
    await world.nodes_ready()


async def hooks(world: StepWorld) -> None:
    for name in ("pre-install", "post-cluster-ready"):
        world.hook(name, f"#!/bin/sh\necho ran {name}\ntouch {world.home}/{name}\n")


async def old_kubeconfig(world: StepWorld) -> None:
    path = world.home / ".kube" / "config"
    path.parent.mkdir()
    path.write_text("kind: Config # of another cluster\n")


@dataclass(frozen=True)
class Case:
    task: type[Task]
    prepare: Callable[[StepWorld], Awaitable[None]]
    changes: int
    """How often it asks the gate on its first run."""


CASES = {
    "load images": Case(LoadImages, nothing, 2),
    "setup local registry": Case(SetupLocalRegistry, loaded, 5),
    "push images": Case(PushImages, registry_up, 6),
    "push images to a third party": Case(PushImages, third_party, 6),
    "generate certificates": Case(GenerateCertificates, nothing, 3),
    "create global cluster": Case(CreateGlobalCluster, nodes, 0),
    "write kubeconfig": Case(WriteKubeconfig, old_kubeconfig, 2),
    "pre-install hook": Case(ExecutePreInstallHook, hooks, 1),
    "post-cluster-ready hook": Case(ExecutePostClusterReadyHook, hooks, 1),
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


def end_well(world: StepWorld, task: Task) -> None:
    world.done.add((task.name, ""))


async def is_done(world: StepWorld, task: Task) -> bool:
    return await task.check(world.context(task, Mode.CHECK))


async def assert_settled(world: StepWorld, task: Task) -> None:
    """It ended well: a check says so, and running it again changes nothing."""
    end_well(world, task)
    assert await is_done(world, task)
    if not isinstance(task, InstallerHook):
        before = world.snapshot()
        assert (await world.run(task)).changes == []
        assert world.snapshot() == before


async def test_a_second_run_finds_nothing_to_do(case: Case, world: StepWorld) -> None:
    task = case.task()
    assert await is_done(world, task) is (case.changes == 0)
    context = await world.run(task)
    assert len(context.changes) == case.changes
    await assert_settled(world, task)


async def test_a_plan_and_a_check_change_nothing(case: Case, world: StepWorld) -> None:
    task, before = case.task(), world.snapshot()
    planned = await world.run(task, Mode.PLAN)
    await is_done(world, task)
    assert world.snapshot() == before
    assert len(planned.changes) == case.changes


async def test_it_goes_on_after_a_cancellation_at_any_change(case: Case, world: StepWorld) -> None:
    for number in range(case.changes):
        attempt = asyncio.create_task(world.run(case.task()))
        world.on_change = cancel_at(number, attempt)
        outcome = (await asyncio.gather(attempt, return_exceptions=True))[0]
        assert not isinstance(outcome, Exception)
    world.on_change = lambda: None
    task = case.task()
    await world.run(task)
    await assert_settled(world, task)


async def test_it_goes_on_after_a_failure_at_any_change(case: Case, world: StepWorld) -> None:
    for _ in range(case.changes):
        world.on_change = fail_after(1)
        with contextlib.suppress(Retryable):
            await world.run(case.task())
    world.on_change = lambda: None
    task = case.task()
    last = await world.run(task)
    assert isinstance(task, InstallerHook) or last.changes == []
    await assert_settled(world, task)


def cancel_at(number: int, attempt: asyncio.Task[object]) -> Callable[[], None]:
    """Cancels `attempt` at its change `number` (0 = the first): it stops in the middle of that change."""
    count = itertools.count()

    def at_change() -> None:
        if next(count) == number:
            attempt.cancel()

    return at_change


def fail_after(number: int) -> Callable[[], None]:
    """Lets `number` changes happen and fails before the next one."""
    count = itertools.count()

    def at_change() -> None:
        if next(count) >= number:
            raise Retryable("made to fail")

    return at_change

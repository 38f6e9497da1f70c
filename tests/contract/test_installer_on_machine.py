"""The installer on one of its own machines: the docker that is installed and restarted there serves the images."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.steps_world import StepWorld, step_world
from tke_tui.core.context import Mode
from tke_tui.core.handlers import ensure_docker
from tke_tui.core.handlers.ensure_docker import EnsureDocker
from tke_tui.core.handover import STOP_LOCAL_REGISTRY
from tke_tui.core.images import local_name
from tke_tui.core.local_registry import CONTAINERS
from tke_tui.core.node import Node
from tke_tui.core.remote import systemd
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[StepWorld]:
    """As when `Push images` has ended."""
    async with step_world(tmp_path, tmp_path / "home") as made:
        for step in (LoadImages(), SetupLocalRegistry(), PushImages()):
            await made.run(step)
            made.done.add((step.name, ""))
        yield made


@pytest.fixture
def at_restart(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Register what the daemon does when it is restarted."""

    def register(action: Callable[[], None]) -> None:
        async def restart(node: Node, unit: str, **options: Any) -> None:
            await systemd.restart(node, unit, **options)
            action()

        class Units:
            def __getattr__(self, name: str) -> Any:
                return restart if name == "restart" else getattr(systemd, name)

        monkeypatch.setattr(ensure_docker, "systemd", Units())

    return register


def running(world: StepWorld) -> set[str]:
    return {name for name, row in world.engine.containers.items() if row["State"]["Running"]}


async def serves(world: StepWorld) -> bool:
    entry = world.bundle.manifest.contents[0]
    name, tag = entry.split(":")
    return await (await world.registry()).get_manifest(f"library/{name}", tag) is not None


async def test_the_daemon_that_made_the_registrys_containers_takes_them_away_before_it_goes(
    world: StepWorld, at_restart: Callable[[Callable[[], None]], None]
) -> None:
    seen: list[set[str]] = []
    at_restart(lambda: seen.append(set(world.engine.containers)))
    await world.run(EnsureDocker())
    assert seen == [set()]
    assert running(world) == set(CONTAINERS)
    assert await serves(world)


async def test_a_daemon_with_another_data_root_gets_images_and_registry_again(
    world: StepWorld, at_restart: Callable[[Callable[[], None]], None]
) -> None:
    def forget() -> None:
        world.engine.tags.clear()
        world.engine.images.clear()

    at_restart(forget)
    await world.run(EnsureDocker())
    assert running(world) == set(CONTAINERS)
    assert await serves(world), "what was pushed lies in the installation's directory, not in docker's"
    names = {local_name(world.para.registry_prefix, entry) for entry in world.bundle.manifest.contents}
    assert names <= set(world.engine.tags)
    assert (await world.run(EnsureDocker())).changes == []


async def test_killed_between_restart_and_registry_it_is_made_good_by_the_next_run(
    world: StepWorld, at_restart: Callable[[Callable[[], None]], None]
) -> None:
    def die() -> None:
        raise asyncio.CancelledError

    at_restart(die)
    with pytest.raises(asyncio.CancelledError):
        await world.run(EnsureDocker())
    assert running(world) == set()
    at_restart(lambda: None)
    await world.run(EnsureDocker())
    assert running(world) == set(CONTAINERS)
    assert await serves(world)


async def test_an_engine_that_does_not_answer_is_restarted_all_the_same(world: StepWorld) -> None:
    await world.run(EnsureDocker())
    world.first.put("/var/lib/tke-tui/applied/docker", "other\n")
    await world.engine.stop()
    at = asyncio.create_task(world.run(EnsureDocker()))
    done, _ = await asyncio.wait({at}, timeout=5)
    assert done, "the restart must not wait for the engine that it is to bring up"
    error = at.exception()
    assert error is not None
    assert "docker" in str(error).lower()
    restarted = [line for _, _, line in world.lines if line.startswith("restart docker")]
    assert len(restarted) == 2


async def test_a_registry_that_gave_its_ports_away_is_not_started_again(world: StepWorld) -> None:
    for name in CONTAINERS:
        await (await world.docker()).remove_container(name)
    world.done.add((STOP_LOCAL_REGISTRY, ""))
    await world.run(EnsureDocker())
    assert world.engine.containers == {}


async def test_elsewhere_the_registry_is_none_of_dockers_business(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.installer_docker.is_own_address", lambda address: False)
    before = {name: row["Id"] for name, row in world.engine.containers.items()}
    context = await world.run(EnsureDocker())
    assert any("restart docker" in change for change in context.changes)
    assert {name: row["Id"] for name, row in world.engine.containers.items()} == before


async def test_a_plan_says_that_the_registry_goes_and_touches_nothing(world: StepWorld) -> None:
    context = await world.run(EnsureDocker(), Mode.PLAN)
    assert {f"remove the container {name}" for name in CONTAINERS} <= set(context.changes)
    assert running(world) == set(CONTAINERS)


async def test_images_that_kubelet_removed_are_loaded_again_before_a_push(world: StepWorld) -> None:
    entry = world.bundle.manifest.contents[0]
    identity = world.engine.tags[f"tkestack/{entry}"]
    for name in (local_name(world.para.registry_prefix, entry), f"tkestack/{entry}"):
        world.engine.tags.pop(name, None)
    del world.engine.images[identity]
    context = await world.run(PushImages())
    assert any(change.startswith("load ") for change in context.changes)
    assert local_name(world.para.registry_prefix, entry) in world.engine.tags

"""Trying again and skipping while the run goes on, and between two runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.core.engine_world import Body, World, task, until
from tke_tui.core.again import Again
from tke_tui.core.context import Context
from tke_tui.core.engine import Engine
from tke_tui.core.errors import ExitCode, Fatal, PreflightFailed, StateError, UsageError
from tke_tui.core.events import Event, PlanReady, TaskFailed, TaskSkipped
from tke_tui.core.journal import Journal, read_events
from tke_tui.core.schedule import WrongMoment
from tke_tui.core.state import RunState, restore
from tke_tui.core.task import Need, On, Scope


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def failing(times: int) -> Body:
    """Fails so many times, then ends well."""
    left = times

    async def body(ctx: Context) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise Fatal("broken", detail="still", fix="mend it")

    return body


class Held:
    """A body that waits until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self, ctx: Context) -> None:
        self.begun += 1
        await self.go_on.wait()


def engine_of(world: World) -> Engine:
    assert world.engine is not None
    return world.engine


def state_on_disk(world: World) -> RunState:
    return restore(RunState.load(world.directory.state), read_events(world.directory.journal))


async def test_a_failure_is_tried_again_beside_work_that_goes_on(world: World) -> None:
    long = Held()
    tasks = [
        task("a", failing(1)),
        task("b", needs=[Need("a")]),
        task("c", needs=[Need("b")]),
        task("long", long),
    ]
    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.run(*tasks))
        await until(lambda: len(world.kinds("task_blocked")) == 2)
        await engine_of(world).retry()
        await until(lambda: "c" in world.kinds("task_succeeded"))
        assert long.begun == 1
        assert not run.done()
        long.go_on.set()
    result = run.result()
    assert (result.status, result.failed, result.blocked) == ("success", 0, 0)
    assert world.kinds("task_reset") == ["a", "b", "c"]
    assert world.kinds("task_started") == ["a", "long", "a", "b", "c"]


async def test_only_what_is_asked_for_is_tried_again(world: World) -> None:
    long = Held()
    broken = [task("a", failing(9), on=Scope.ALL), task("long", long)]
    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.run(*broken))
        await until(lambda: len(world.kinds("task_failed")) == 2)
        await engine_of(world).retry(["a@10.0.0.2"])
        await until(lambda: len(world.kinds("task_failed")) == 3)
        long.go_on.set()
    assert world.kinds("task_started").count("a@10.0.0.1") == 1
    assert run.result().failed == 2


async def test_a_skipped_failure_lets_the_rest_go_on_and_stays_skipped(world: World) -> None:
    long = Held()
    optional = task("optional", failing(9), skippable=True, inputs=1)
    after = task("after", needs=[Need("optional")])
    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.run(optional, after, task("long", long)))
        await until(lambda: "after" in world.kinds("task_blocked"))
        await engine_of(world).skip("optional")
        await until(lambda: "after" in world.kinds("task_succeeded"))
        long.go_on.set()
    assert (run.result().status, run.result().exit_code) == ("success", ExitCode.OK)
    skipped = [e for e in world.events if isinstance(e, TaskSkipped)]
    assert [(e.task, e.by) for e in skipped] == [("optional", "person")]

    again = await world.run(optional, after, task("long", long))
    assert (again.status, world.kinds("task_started")) == ("success", [])

    changed = task("optional", failing(0), skippable=True, inputs=2)
    await world.run(changed, after, task("long", long))
    assert world.kinds("task_started") == ["optional"]


async def test_skipping_is_refused_for_what_others_cannot_do_without_and_for_what_has_not_failed(
    world: World,
) -> None:
    long = Held()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.run(task("a", failing(1)), task("long", long, skippable=True)))
        await until(lambda: "a" in world.kinds("task_failed"))
        for name, words in (("a", "cannot be skipped"), ("long", "has not failed")):
            with pytest.raises(WrongMoment, match=words):
                await engine_of(world).skip(name)
        long.go_on.set()
    assert run.result().status == "failed"
    with pytest.raises(WrongMoment, match="over"):
        await engine_of(world).retry()


async def test_a_wish_is_kept_when_the_one_who_asked_goes_away(world: World) -> None:
    """The request ends while the journal still writes: what is written down happens."""
    long = Held()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(world.run(task("a", failing(1)), task("long", long)))
        await until(lambda: "a" in world.kinds("task_failed"))
        asking = group.create_task(engine_of(world).retry())
        await asyncio.sleep(0)
        asking.cancel()
        await until(lambda: "a" in world.kinds("task_succeeded"))
        long.go_on.set()
    assert run.result().status == "success"


async def test_a_disk_that_refuses_a_wish_ends_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Held()
    running = asyncio.create_task(world.run(task("a", failing(1)), task("long", long)))
    await until(lambda: "a" in world.kinds("task_failed"))

    def full(self: Journal, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write_synced", full)
    with pytest.raises(StateError, match="journal"):
        await engine_of(world).retry()
    with pytest.raises(StateError, match="journal"):
        await running


async def test_a_stop_after_a_wish_ends_it(world: World) -> None:
    long = Held()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(
            world.run(task("a", failing(1)), task("b", long, needs=[Need("a")]), task("c", long))
        )
        await until(lambda: "b" in world.kinds("task_blocked"))
        await engine_of(world).retry()
        await until(lambda: long.begun == 2)
        engine_of(world).cancel()
    assert run.result().status == "cancelled"
    assert sorted(world.kinds("task_cancelled")) == ["b", "c"]
    assert state_on_disk(world) == restore(None, read_events(world.directory.journal))


async def test_between_runs_the_other_failures_stay_as_they_are(world: World) -> None:
    async def preflight(ctx: Context) -> None:
        raise PreflightFailed("no memory", detail="1 GiB", fix="more")

    plan = [task("a", failing(1)), task("b", preflight), task("c", needs=[Need("a"), Need("b")])]
    assert (await world.run(*plan)).exit_code is ExitCode.PREFLIGHT
    state = state_on_disk(world)
    events, kept = Again(retry=("a",)).begin(world.graph(*plan), state, world.events)
    assert [(e.kind, getattr(e, "task", "")) for e in events] == [("task_reset", "a")]
    result = await world.run(*plan, kept=kept)
    assert world.kinds("task_started") == ["a"]
    assert world.kinds("task_blocked") == ["c"]
    assert (result.exit_code, result.failed) == (ExitCode.PREFLIGHT, 1)
    failure = next(e for e in world.events if isinstance(e, TaskFailed))
    assert (failure.title, failure.detail, failure.fix) == ("no memory", "1 GiB", "more")


async def test_between_runs_wishes_are_checked(world: World) -> None:
    plan = [task("a", failing(9)), task("b"), task("c", failing(9), skippable=True)]
    await world.run(*plan)
    graph, state = world.graph(*plan), state_on_disk(world)
    for wish, words in (
        (Again(retry=("b",)), "has not failed"),
        (Again(retry=("x",)), "no task x"),
        (Again(skip="a"), "cannot be skipped"),
        (Again(retry=()), "nothing to try again"),
    ):
        with pytest.raises(UsageError, match=words):
            wish.begin(graph, state, world.events)
    events, kept = Again(skip="c").begin(graph, state, world.events)
    assert [type(e) for e in events] == [TaskSkipped]
    assert list(kept) == ["a"]


async def test_the_plan_tells_what_waits_for_what_and_what_may_be_skipped(world: World) -> None:
    await world.run(
        task("a", on=Scope.ALL, skippable=True),
        task("left", left_out="not wanted"),
        task("b", needs=[Need("a", On.EVERY)]),
    )
    plan = next(e for e in world.events if isinstance(e, PlanReady))
    assert [row[0] for row in plan.tasks] == ["a@10.0.0.1", "a@10.0.0.2", "left", "b"]
    assert plan.needs == ((), (), (), (0, 1))
    assert plan.skippable == ("a",)
    assert PlanReady.from_dict(plan.as_dict()) == plan
    old = {name: value for name, value in plan.as_dict().items() if name not in ("needs", "skippable")}
    assert PlanReady.from_dict(old).needs == ()


def test_a_snapshot_keeps_a_skip_and_a_reset_forgets_it(tmp_path: Path) -> None:
    state = RunState()
    history: list[Event] = [
        TaskFailed(seq=1, task="a", key="a#1", seconds=0.0, title="t"),
        TaskSkipped(seq=2, task="a", why="", by="person"),
    ]
    for event in history:
        state.apply(event)
    state.save(tmp_path / "state.json")
    loaded = RunState.load(tmp_path / "state.json")
    assert loaded is not None
    assert loaded.left_by_person("a", "a#1")
    assert not loaded.left_by_person("a", "a#2")

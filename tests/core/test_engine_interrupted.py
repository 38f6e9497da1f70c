"""The engine when something gets in its way: cancellation at bad moments, a full disk, a broken screen."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.core.engine_world import World, task
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Context
from tke_tui.core.errors import BundleError, ExitCode, Fatal, Retryable, StateError
from tke_tui.core.events import Event, LogLine, TaskStarted, TaskSucceeded
from tke_tui.core.journal import Journal, read_events
from tke_tui.core.state import RunState, restore
from tke_tui.core.task import Need, Scope


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def assert_all_agree(world: World) -> None:
    """What listeners heard, what is in the journal, and both forms of the state tell the same."""
    kept = read_events(world.directory.journal)
    of_this_run = [event for event in kept if event.seq >= world.events[0].seq]
    assert [event for event in world.events if event.durable] == of_this_run
    assert restore(RunState.load(world.directory.state), kept) == restore(None, kept)


async def test_listeners_hear_everything_in_the_order_of_its_numbers(world: World) -> None:
    async def chatty(ctx: Context) -> None:
        for number in range(20):
            ctx.log(f"line {number}")
            ctx.progress(number, 20)
            await asyncio.sleep(0)

    await world.run(task("a", chatty, on=Scope.ALL), task("b", chatty, on=Scope.ALL), task("c", chatty))
    numbers = [event.seq for event in world.events]
    assert numbers == sorted(numbers)
    assert sum(isinstance(event, LogLine) for event in world.events) == 100
    assert_all_agree(world)


async def test_an_outcome_that_is_being_written_when_the_person_stops_is_told_and_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop falls between the end of the task and the end of the disk's work on it."""
    disk_may_end = threading.Event()
    on_its_way = asyncio.Event()
    write = Journal._write_synced
    loop = asyncio.get_running_loop()

    def slow(self: Journal, data: bytes) -> None:
        if b"task_succeeded" in data:
            loop.call_soon_threadsafe(on_its_way.set)
            disk_may_end.wait(20)
        write(self, data)

    monkeypatch.setattr(Journal, "_write_synced", slow)
    running = asyncio.create_task(world.run(task("a"), task("b", needs=[Need("a")])))
    await on_its_way.wait()
    assert world.engine is not None
    world.engine.cancel()
    disk_may_end.set()
    result = await running
    assert result.status == "cancelled"
    assert world.kinds("task_succeeded") == ["a"]
    assert world.kinds("task_cancelled") == []
    assert_all_agree(world)


async def test_a_stop_during_the_pause_before_a_retry_is_written_down(world: World) -> None:
    async def not_yet(ctx: Context) -> None:
        raise Retryable("not yet", retry_after=3600)

    def stop(event: Event) -> None:
        if event.kind == "task_retrying":
            assert world.engine is not None
            world.engine.cancel()

    world.listeners = (stop,)
    result = await world.run(task("a", not_yet, attempts=5))
    assert result.status == "cancelled"
    assert world.kinds("task_cancelled") == ["a"]
    assert_all_agree(world)


async def test_a_library_that_turns_a_stop_into_another_error_does_not_run_on(world: World) -> None:
    at_work = asyncio.Event()
    tries = 0

    async def swallow(ctx: Context) -> None:
        nonlocal tries
        tries += 1
        at_work.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Retryable("connection lost") from None

    running = asyncio.create_task(world.run(task("a", swallow, attempts=5)))
    await at_work.wait()
    assert world.engine is not None
    world.engine.cancel()
    result = await running
    assert (result.status, result.failed, tries) == ("cancelled", 0, 1)
    assert world.kinds("task_cancelled") == ["a"]


@pytest.mark.parametrize("kind", ["run_started", "task_started", "task_succeeded", "task_cancelled"])
async def test_a_stop_at_any_event_ends_well(world: World, kind: str) -> None:
    """A second stop is harmless, too."""

    def stop(event: Event) -> None:
        if event.kind == kind:
            assert world.engine is not None
            world.engine.cancel()

    world.listeners = (stop,)
    result = await world.run(task("a"), task("b", needs=[Need("a")]), task("c"))
    assert result.status in ("cancelled", "success")
    assert result.status == "cancelled" or kind == "task_cancelled"
    assert_all_agree(world)
    world.listeners = ()
    result = await world.run(task("a"), task("b", needs=[Need("a")]), task("c"))
    assert result.status == "success"


async def test_a_screen_that_breaks_is_left_out_and_the_run_goes_on(world: World) -> None:
    heard: list[str] = []

    def broken(event: Event) -> None:
        heard.append(event.kind)
        if isinstance(event, TaskStarted):
            raise RuntimeError("no such widget")

    world.listeners = (broken,)
    result = await world.run(task("a"), task("b", needs=[Need("a")]))
    assert result.status == "success"
    assert heard.count("task_started") == 1
    assert "no such widget" in world.directory.node_log("").read_text()
    assert world.kinds("task_succeeded") == ["a", "b"]


async def test_a_disk_that_fills_up_stops_everything_with_one_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may go on that nobody could remember."""
    stopped: list[str] = []
    write = Journal._write_synced

    def full(self: Journal, data: bytes) -> None:
        if b"task_succeeded" in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, data)

    async def forever(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(ctx.node.name)

    monkeypatch.setattr(Journal, "_write_synced", full)
    with pytest.raises(StateError, match="journal cannot be written") as caught:
        await world.run(task("forever", forever, on=Scope.ALL), task("a"))
    assert "No space left" in caught.value.detail
    assert sorted(stopped) == ["10.0.0.1", "10.0.0.2"]
    monkeypatch.undo()
    assert (await world.run(task("forever", on=Scope.ALL), task("a"))).status == "success"


async def test_a_full_disk_met_by_a_task_is_no_bug(world: World) -> None:
    async def write(ctx: Context) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/site/pki/ca.crt")

    result = await world.run(task("a", write))
    assert result.exit_code is ExitCode.FAILED
    (_, error), *_ = result.errors
    assert "/site/pki/ca.crt" in error.detail
    assert "Free space" in error.fix


async def test_inputs_that_the_bundle_cannot_answer_fail_that_task_only(world: World) -> None:
    class Lacking(type(task("x"))):  # type: ignore[misc]
        name = "lacking"

        def inputs(self, para: Any, bundle: Bundle, machine: Any) -> Any:
            return bundle.tag("flannel", "1.20.2")

    result = await world.run(Lacking(), task("b"))
    assert isinstance(result.errors[0][1], BundleError)
    assert world.kinds("task_succeeded") == ["b"]
    assert world.kinds("task_failed") == ["lacking"]


async def test_errors_of_a_run_hold_no_frames(world: World) -> None:
    """Results of a thousand machines must not keep everything alive that was on the stack."""

    async def fail(ctx: Context) -> None:
        raise Fatal("no")

    result = await world.run(task("a", fail))
    assert result.errors[0][1].__traceback__ is None


async def test_a_success_heard_is_a_success_for_the_next_run(world: World) -> None:
    heard: set[str] = set()

    def stop(event: Event) -> None:
        if isinstance(event, TaskSucceeded):
            heard.add(event.task)
            assert world.engine is not None
            world.engine.cancel()

    world.listeners = (stop,)
    tasks = [task(name, on=Scope.ALL) for name in ("a", "b", "c")]
    await world.run(*tasks)
    world.listeners = ()
    await world.run(*tasks)
    assert heard
    assert heard.isdisjoint(world.kinds("task_started"))

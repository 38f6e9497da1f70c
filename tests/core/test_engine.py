"""The engine: what runs when, what a failure stops, what a resume repeats, what is written down first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.core.engine_world import World, task
from tke_tui.core.context import Context, Options
from tke_tui.core.errors import Evidence, ExitCode, Fatal, PreflightFailed, Retryable, StateError, Unreachable
from tke_tui.core.events import Event, TaskFailed, TaskStarted, TaskSucceeded
from tke_tui.core.journal import read_events
from tke_tui.core.task import Need, On, Scope


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_needs_come_first_and_the_rest_overlaps(world: World) -> None:
    order: list[str] = []
    both_running = asyncio.Barrier(2)

    async def meet(ctx: Context) -> None:
        await both_running.wait()
        order.append("met")

    async def last(ctx: Context) -> None:
        order.append("last")

    result = await world.run(task("a", meet), task("b", meet), task("c", last, needs=[Need("a"), Need("b")]))
    assert result.exit_code is ExitCode.OK
    assert order == ["met", "met", "last"]


async def test_a_slow_node_does_not_hold_up_the_others(world: World) -> None:
    first_node_may_go_on = asyncio.Event()
    reached: list[str] = []

    async def slow_on_first(ctx: Context) -> None:
        if ctx.node.name == "10.0.0.1":
            await first_node_may_go_on.wait()

    async def note(ctx: Context) -> None:
        reached.append(ctx.node.name)
        first_node_may_go_on.set()

    result = await world.run(task("a", slow_on_first, on=Scope.ALL), task("b", note, on=Scope.ALL))
    assert result.status == "success"
    assert reached == ["10.0.0.2", "10.0.0.1"]


async def test_serial_tasks_go_node_by_node(tmp_path: Path) -> None:
    world = World(tmp_path, nodes=4)
    at_work: list[str] = []
    most = 0

    async def alone(ctx: Context) -> None:
        nonlocal most
        at_work.append(ctx.node.name)
        most = max(most, len(at_work))
        await asyncio.sleep(0)
        at_work.remove(ctx.node.name)

    await world.run(task("etcd", alone, on=Scope.ALL, serial=True))
    assert most == 1
    assert world.kinds("task_succeeded") == [f"etcd@10.0.0.{n}" for n in range(1, 5)]


async def test_a_failure_stops_what_depends_on_it_and_nothing_else(world: World) -> None:
    async def fail_on_first(ctx: Context) -> None:
        if ctx.node.name == "10.0.0.1":
            raise Fatal(
                "no space left",
                detail="/var is full",
                fix="free space",
                evidence=Evidence("df", 1, ("100%",)),
            )

    result = await world.run(
        task("a", fail_on_first, on=Scope.ALL),
        task("b", on=Scope.ALL),
        task("all", needs=[Need("b", On.EVERY)]),
    )
    assert result.status == "failed"
    assert result.exit_code is ExitCode.FAILED
    assert world.kinds("task_succeeded") == ["a@10.0.0.2", "b@10.0.0.2"]
    assert world.kinds("task_blocked") == ["b@10.0.0.1", "all"]
    assert (result.failed, result.blocked) == (1, 2)
    failure = next(event for event in world.events if isinstance(event, TaskFailed))
    assert (failure.title, failure.detail, failure.fix) == ("no space left", "/var is full", "free space")
    assert (failure.command, failure.command_exit_code, failure.output) == ("df", 1, ("100%",))


async def test_resume_runs_only_what_did_not_end_well(world: World) -> None:
    broken = True

    async def flaky(ctx: Context) -> None:
        if broken and ctx.node.name == "10.0.0.2":
            raise Fatal("broken")

    tasks = [task("a", on=Scope.ALL), task("b", flaky, on=Scope.ALL), task("c", on=Scope.ALL)]
    await world.run(*tasks)
    broken = False
    result = await world.run(*tasks)
    assert result.status == "success"
    assert world.kinds("task_started") == ["b@10.0.0.2", "c@10.0.0.2"]
    assert (result.ran, result.skipped) == (2, 4)


async def test_changed_inputs_run_again_and_only_those(world: World) -> None:
    await world.run(task("a", inputs={"version": 1}), task("b", inputs={"version": 1}))
    await world.run(task("a", inputs={"version": 2}), task("b", inputs={"version": 1}))
    assert world.kinds("task_started") == ["a"]


async def test_a_changed_option_runs_again_what_depends_on_it(world: World) -> None:
    scaled, other = task("a", options=("replicas",)), task("b")
    await world.run(scaled, other)
    world.options = Options(replicas=3)
    await world.run(scaled, other)
    assert world.kinds("task_started") == ["a"]


async def test_an_interrupted_task_runs_again(world: World) -> None:
    """A killed engine leaves an intent without an outcome."""
    await world.run(task("a"), task("b", needs=[Need("a")]))
    journal = world.directory.journal
    lines = journal.read_bytes().splitlines(keepends=True)
    cut = next(i for i, line in enumerate(lines) if b"task_succeeded" in line and b'"b"' in line)
    journal.write_bytes(b"".join(lines[:cut]))
    await world.run(task("a"), task("b", needs=[Need("a")]))
    assert world.kinds("task_started") == ["b"]


async def test_a_snapshot_ahead_of_a_cut_journal_is_not_believed(world: World) -> None:
    await world.run(task("a"))
    journal = world.directory.journal
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    await world.run(task("a"))
    assert world.kinds("task_started") == ["a"]


async def test_a_damaged_snapshot_is_rebuilt_from_the_journal(world: World) -> None:
    await world.run(task("a"))
    world.directory.state.write_text("{")
    await world.run(task("a"))
    assert world.kinds("task_started") == []
    assert json.loads(world.directory.state.read_text())["schema"] == 1


async def test_a_snapshot_of_another_schema_is_refused(world: World) -> None:
    await world.run(task("a"))
    world.directory.state.write_text('{"schema": 99, "version": "9.0"}')
    with pytest.raises(StateError, match="another version"):
        await world.run(task("a"))


async def test_intent_is_on_disk_before_the_task_begins(world: World) -> None:
    seen: list[bool] = []

    async def look(ctx: Context) -> None:
        events = read_events(world.directory.journal)
        seen.append(any(isinstance(event, TaskStarted) and event.task == "a" for event in events))

    await world.run(task("a", look))
    assert seen == [True]


async def test_an_outcome_is_on_disk_before_anybody_hears_of_it(world: World) -> None:
    on_disk: list[bool] = []

    def look(event: Event) -> None:
        if isinstance(event, TaskSucceeded):
            on_disk.append(event in read_events(world.directory.journal))

    world.listeners = (look,)
    await world.run(task("a"), task("b"))
    assert on_disk == [True, True]


async def test_retryable_errors_are_repeated_within_bounds(world: World) -> None:
    tries = 0

    async def third_time(ctx: Context) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Retryable("not yet")

    result = await world.run(task("a", third_time, attempts=3))
    assert result.status == "success"
    assert world.kinds("task_retrying") == ["a", "a"]

    tries = -100
    result = await world.run(task("b", third_time, attempts=3))
    assert result.status == "failed"
    assert tries == -97


async def test_fatal_errors_are_not_repeated(world: World) -> None:
    async def fail(ctx: Context) -> None:
        raise Fatal("wrong password")

    await world.run(task("a", fail, attempts=5))
    assert world.kinds("task_retrying") == []


async def test_cancel_stops_tasks_and_resume_repeats_them(world: World) -> None:
    cleaned_up = False
    at_work = asyncio.Event()

    async def forever(ctx: Context) -> None:
        nonlocal cleaned_up
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up = True

    running = asyncio.create_task(
        world.run(task("a"), task("b", forever, needs=[Need("a")]), task("c", needs=[Need("b")]))
    )
    await at_work.wait()
    assert world.engine is not None
    world.engine.cancel()
    result = await running
    assert (result.status, result.exit_code) == ("cancelled", ExitCode.CANCELLED)
    assert cleaned_up
    assert world.kinds("task_cancelled") == ["b"]
    await world.run(task("a"), task("b", needs=[Need("a")]), task("c", needs=[Need("b")]))
    assert world.kinds("task_started") == ["b", "c"]


async def test_a_bug_in_a_task_is_a_failure_with_the_traceback_in_the_log_only(world: World) -> None:
    world.secrets.update({"password": "hunter22"})

    async def bug(ctx: Context) -> None:
        raise KeyError("hunter22")

    result = await world.run(task("a", bug), task("b"))
    assert result.exit_code is ExitCode.INTERNAL
    assert world.kinds("task_succeeded") == ["b"]
    log = world.directory.node_log("").read_text()
    assert "Traceback" in log
    everything = log + world.directory.journal.read_text() + world.directory.state.read_text()
    assert "hunter22" not in everything


async def test_secrets_are_hidden_in_logs_events_and_changes(world: World) -> None:
    world.secrets.update({"password": "hunter22"})

    async def chatty(ctx: Context) -> None:
        ctx.log("the password is hunter22")
        ctx.mutate("set the password to hunter22")
        ctx.progress(1, 2, "hunter22")
        raise Fatal(
            "hunter22", detail="hunter22", fix="hunter22", evidence=Evidence("x hunter22", 1, ("hunter22",))
        )

    await world.run(task("a", chatty))
    files = [world.directory.journal, world.directory.state, world.directory.node_log("")]
    assert "hunter22" not in "".join(path.read_text() for path in files)
    assert "hunter22" not in json.dumps([event.as_dict() for event in world.events])


async def test_the_exit_code_is_that_of_what_a_person_must_mend_first(world: World) -> None:
    async def preflight(ctx: Context) -> None:
        raise PreflightFailed("no")

    async def unreachable(ctx: Context) -> None:
        raise Unreachable("gone")

    result = await world.run(task("a", preflight), task("b", unreachable))
    assert result.exit_code is ExitCode.UNREACHABLE


async def test_sequence_numbers_go_on_over_runs(world: World) -> None:
    await world.run(task("a"))
    await world.run(task("a"), task("b"))
    numbers = [event.seq for event in read_events(world.directory.journal)]
    assert numbers == sorted(set(numbers))


async def test_files_of_a_run_are_private(world: World) -> None:
    async def say(ctx: Context) -> None:
        ctx.log("hello")

    await world.run(task("a", say, on=Scope.ALL))
    for path in world.directory.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path

"""Which tasks may run, for any graph and any order of outcomes, repetitions and skips."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.engine_world import task
from tke_tui.core.graph import Graph, PlannedTask
from tke_tui.core.schedule import Schedule, Status, UnknownTask, WrongMoment


def graph_of(needs: Iterable[Iterable[int]], skippable: bool = True) -> Graph:
    """Task n is called tn and needs those of the numbers that are smaller than its own."""
    graph = Graph()
    for number, wanted in enumerate(needs):
        made = task(f"t{number}")
        type(made).skippable = skippable
        names = frozenset(f"t{need}" for need in wanted if need < number)
        graph.tasks[f"t{number}"] = PlannedTask(made, "a step", None, needs=names)
    return graph


graphs = st.lists(st.frozensets(st.integers(0, 9), max_size=4), min_size=1, max_size=10).map(graph_of)


@given(graphs, st.data())
def test_nothing_runs_before_its_needs_and_nothing_is_forgotten(graph: Graph, data: st.DataObject) -> None:
    """Whatever happens in whatever order: at the end every task ended well, was skipped, failed or is held up."""
    schedule = Schedule(graph)
    running: list[str] = []

    def begin(tasks: Iterable[str]) -> None:
        for name in tasks:
            assert name not in running
            running.append(name)
            ends = {schedule[need] for need in graph[name].needs}
            assert ends <= {Status.FINE, Status.SKIPPED}

    begin(schedule.begin().ready)
    for _ in range(40):
        failed = schedule.named(Status.FAILED)
        skipped = schedule.named(Status.SKIPPED)
        choices = ["end"] * bool(running) + ["retry", "skip"] * bool(failed) + ["take back"] * bool(skipped)
        if not choices:
            break
        match data.draw(st.sampled_from(choices)):
            case "end":
                name = data.draw(st.sampled_from(running))
                running.remove(name)
                begin(schedule.end(name, well=data.draw(st.booleans())).ready)
            case "retry":
                begin(schedule.retry(data.draw(st.lists(st.sampled_from(failed)))).ready)
            case "skip":
                begin(schedule.skip(data.draw(st.sampled_from(failed))).ready)
            case "take back":
                begin(schedule.retry([data.draw(st.sampled_from(skipped))]).ready)
    while running:
        begin(schedule.end(running.pop(), well=True).ready)
    assert schedule.remaining == 0
    assert not schedule.named(Status.WAITING)
    for name in schedule.named(Status.BLOCKED):
        assert {schedule[need] for need in graph[name].needs} & {Status.FAILED, Status.BLOCKED}


@given(graphs, st.data())
def test_repeating_until_all_is_well_is_the_same_as_no_failure(graph: Graph, data: st.DataObject) -> None:
    schedule = Schedule(graph)
    running = list(schedule.begin().ready)
    well: list[str] = []
    failures = data.draw(st.integers(0, 12))
    while schedule.remaining or running or schedule.named(Status.FAILED):
        if running:
            name = running.pop(data.draw(st.integers(0, len(running) - 1)))
            fails = failures > 0 and data.draw(st.booleans())
            failures -= fails
            well += [] if fails else [name]
            running += schedule.end(name, well=not fails).ready
        if schedule.named(Status.FAILED) and (not running or data.draw(st.booleans())):
            running += schedule.retry().ready
    assert sorted(well) == sorted(graph.tasks)
    assert len(schedule.named(Status.FINE)) == len(graph.tasks)


def test_two_failures_hold_up_a_task_until_both_are_mended() -> None:
    schedule = Schedule(graph_of([[], [], [0, 1]]))
    schedule.begin()
    schedule.end("t0", well=False)
    assert schedule.end("t1", well=False).blocked == (("t2", "t0"),)
    change = schedule.retry(["t0"])
    assert (change.again, change.ready) == (("t0", "t2"), ("t0",))
    assert schedule.end("t0", well=True).blocked == (("t2", "t1"),)
    assert schedule.retry().ready == ("t1",)
    assert schedule.end("t1", well=True).ready == ("t2",)


def test_what_a_skip_sets_free_may_be_held_up_by_another_failure_at_once() -> None:
    schedule = Schedule(graph_of([[], [], [0, 1]]))
    schedule.begin()
    schedule.end("t0", well=False)
    schedule.end("t1", well=False)
    change = schedule.skip("t0")
    assert (change.again, change.ready, change.blocked) == (("t2",), (), (("t2", "t1"),))
    assert schedule.remaining == 0


def test_refusals_say_what_to_choose_instead() -> None:
    schedule = Schedule(graph_of([[], [0]], skippable=False))
    schedule.begin()
    with pytest.raises(WrongMoment, match="nothing to try again"):
        schedule.retry()
    with pytest.raises(WrongMoment, match="t0 has not failed"):
        schedule.retry(["t0"])
    schedule.end("t0", well=False)
    with pytest.raises(WrongMoment) as caught:
        schedule.retry(["t1"])
    assert caught.value.fix == "Choose t0."
    with pytest.raises(UnknownTask):
        schedule.skip("t7")
    with pytest.raises(WrongMoment, match="cannot be skipped"):
        schedule.skip("t0")
    assert schedule["t0"] is Status.FAILED

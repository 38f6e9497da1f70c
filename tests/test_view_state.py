from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journals import load, now_of
from tests.story import BEGIN, FAILURE, Story
from tke_tui.core import events as ev
from tke_tui.symbols import State
from tke_tui.view_state import ViewState

NAMES = ("done", "resumed", "stopped", "mid-run", "retrying", "failed", "fifty")
KUBELET = "EnsureKubelet@10.0.0.13"


def view_of(events: list[ev.Event]) -> ViewState:
    view = ViewState()
    view.apply_all(events)
    return view


def picture(view: ViewState, now: float) -> dict[str, Any]:
    """Everything a screen can see."""
    rows, columns = range(len(view.rows)), range(len(view.handlers))
    return {
        "run": (view.status, view.resumed, view.exit_code, view.seq, view.controller, view.mine),
        "times": (view.started, view.ended, view.elapsed(now)),
        "counts": dict(+view.counts),
        "sums": (view.total, view.finished, round(view.progress, 9)),
        "steps": list(view.steps),
        "rows": list(view.rows),
        "handlers": list(view.handlers),
        "cells": [[view.cell(row, column) for column in columns] for row in rows],
        "failures": view.failures,
        "at work": view.at_work,
        "forecast": view.forecast(now),
        "notices": view.notices,
        "questions": view.questions,
    }


def fed(events: list[ev.Event], *, until: type[ev.Event], task: str) -> ViewState:
    """The picture right after the first such event about the task."""
    view = ViewState()
    for event in events:
        view.apply(event)
        if isinstance(event, until) and isinstance(event, ev.TaskEvent) and event.task == task:
            return view
    raise AssertionError(f"nothing of that kind happened to {task}")


# --- what single things look like ------------------------------------------------------------------------------------


def test_nothing_is_known_before_the_first_event() -> None:
    view = ViewState()
    assert (view.status, view.total, view.progress, list(view.steps), list(view.rows)) == (
        "unknown",
        0,
        0.0,
        [],
        [],
    )
    assert view.elapsed(5.0) == 0.0
    assert view.eta(5.0) is None


def test_a_recorded_installation_ends_with_everything_done() -> None:
    view = view_of(load("done"))
    assert view.status == "success"
    assert view.finished == view.total == 107
    assert view.progress == 1.0
    assert {step.state for step in view.steps} == {State.DONE, State.LEFT_OUT}
    assert round(view.elapsed(view.ended + 1000)) == 256
    assert not view.failures
    assert view.eta(view.ended) is None


def test_what_does_not_belong_to_this_installation_has_no_number_and_no_column() -> None:
    view = view_of(load("done"))
    left_out = next(step for step in view.steps if step.name == "Setup local registry")
    assert (left_out.state, left_out.number, left_out.total) == (State.LEFT_OUT, 0, 0)
    assert left_out.note.startswith("images come from an existing registry")
    assert "EnsureNvidiaDriver" not in {handler.name for handler in view.handlers}
    numbers = [step.number for step in view.steps if step.number]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_step_told_to_be_skipped_is_no_part_of_any_count() -> None:
    events = Story(2).events(until=0)
    view = view_of(
        [*events, ev.TaskSkipped(task="Install tke audit", why="named in Config.skipSteps", by="skip_steps")]
    )
    step = next(step for step in view.steps if step.name == "Install tke audit")
    assert (step.state, step.total, step.number) == (State.SKIPPED, 0, 0)
    assert view.total == view_of(events).total - 1


def test_the_matrix_has_a_row_per_machine_and_one_for_what_runs_once() -> None:
    view = view_of(load("mid-run"))
    assert list(view.rows) == ["10.0.0.11", "10.0.0.12", "10.0.0.13", ""]
    assert list(view.nodes) == ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
    assert [handler.number for handler in view.handlers] == list(range(1, len(view.handlers) + 1))
    columns = {handler.name: handler.number - 1 for handler in view.handlers}
    docker = view.cell(0, columns["EnsureDocker"])
    assert docker is not None
    assert (docker.task, docker.state) == ("EnsureDocker@10.0.0.11", State.DONE)
    assert view.place(docker.task) == (0, columns["EnsureDocker"])
    assert view.cell(1, columns["EnsureKubeadmInitPhaseCerts"]) is None
    assert view.cell(3, columns["EnsureGalaxy"]) is not None
    assert view.cell(0, columns["EnsureGalaxy"]) is None


def test_progress_of_a_task_is_told_and_moves_the_whole() -> None:
    with_progress = load("mid-run")
    task = next(event for event in with_progress if isinstance(event, ev.TaskProgress))
    view = view_of(with_progress)
    cell = view.task(task.task)
    assert cell is not None
    assert (cell.state, cell.done, cell.total, cell.note) == (State.RUNNING, 3, 7, "k8s.gcr.io/coredns:1.7.0")
    assert view.progress > view_of([event for event in with_progress if event is not task]).progress


def test_a_retry_says_which_attempt_and_when_the_next_begins() -> None:
    view = fed(load("retrying"), until=ev.TaskRetrying, task="EnsureKubelet@10.0.0.12")
    cell = view.task("EnsureKubelet@10.0.0.12")
    assert cell is not None
    assert (cell.state, cell.attempt, cell.attempts) == (State.RETRYING, 1, 5)
    assert cell.until == pytest.approx(cell.started + cell.seconds + 8.0)
    assert next(step for step in view.steps if step.name == "Create global cluster").state is State.RETRYING
    later = view_of(load("retrying")).task("EnsureKubelet@10.0.0.12")
    assert later is not None
    assert (later.attempt, [tried.number for tried in later.tries]) == (2, [1, 2])


def test_a_failure_is_told_with_its_evidence_and_what_it_holds_up() -> None:
    view = view_of(load("failed"))
    (failure,) = view.failures
    assert (failure.task, failure.node, failure.step) == (KUBELET, "10.0.0.13", "Create global cluster")
    assert (failure.title, failure.command_exit_code) == (FAILURE.title, 1)
    assert failure.output == FAILURE.output
    assert failure.log.endswith("10.0.0.13.log")
    assert failure.skippable is False
    assert failure.holds_up == view.counts[State.BLOCKED] > 20
    blocked = next(cell for cell in view.tasks_of_node("10.0.0.13") if cell.state is State.BLOCKED)
    assert blocked.note == KUBELET
    assert view.status == "failed"
    assert next(step for step in view.steps if step.name == "Create global cluster").state is State.FAILED
    assert next(step for step in view.steps if step.name == "Install tke-gateway").state is State.BLOCKED


def test_a_task_may_be_skipped_when_the_plan_says_so() -> None:
    view = view_of(Story().fail("EnsureMetricsServer").events())
    assert [failure.skippable for failure in view.failures] == [True]


@pytest.mark.parametrize(
    "remedy",
    [
        ev.TaskReset(task=KUBELET),
        ev.TaskStarted(task=KUBELET, key="k"),
        ev.TaskSkipped(task=KUBELET, why="told to", by="person"),
    ],
)
def test_a_remedied_failure_lets_go_of_what_it_held_up(remedy: ev.Event) -> None:
    view = view_of(load("failed"))
    view.take_changes()
    held = view.counts[State.BLOCKED]
    view.apply(replace(remedy, at=view.ended + 60))
    assert view.failures == []
    assert view.counts[State.BLOCKED] == 0
    assert view.counts[State.PENDING] >= held
    changes = view.take_changes()
    assert changes.failures
    assert changes.header


def test_a_retried_failure_is_at_work_again_and_may_end_well() -> None:
    view = view_of(load("failed"))
    later = view.ended + 60
    view.apply(ev.TaskStarted(task=KUBELET, key="k", at=later))
    assert (view.status, view.ended) == ("doing", 0.0)
    view.apply(ev.TaskSucceeded(task=KUBELET, key="k", seconds=4.0, at=later + 4))
    cell = view.task(KUBELET)
    assert cell is not None
    assert cell.state is State.DONE
    assert view.counts[State.FAILED] == 0


def test_several_failures_are_in_the_order_of_time() -> None:
    view = view_of(load("fifty"))
    assert [failure.task for failure in view.failures] == [KUBELET, "EnsureKubeadm@10.0.0.40"]
    assert [failure.at for failure in view.failures] == sorted(failure.at for failure in view.failures)


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_resumed_run_keeps_what_is_done_and_forgets_the_rest() -> None:
    events = load("resumed")
    starts = [number for number, event in enumerate(events) if isinstance(event, ev.RunStarted)]
    before = view_of(events[: starts[1]])
    view = view_of(events[: starts[1] + 2])
    assert view.resumed
    assert view.counts[State.DONE] == before.counts[State.DONE] > 50
    assert before.counts[State.RUNNING]
    assert set(view.counts.elements()) <= {State.DONE, State.PENDING}
    assert view_of(events).finished == view_of(events).total


def test_the_time_between_two_runs_is_no_time_of_a_step() -> None:
    events = Story().events(until=40)
    again = [replace(event, at=event.at + 86_400, seq=event.seq + 10_000) for event in Story().events()]
    again[0] = replace(again[0], resumed=True)  # type: ignore[call-arg]
    view = view_of([*events, *again])
    whole = max(event.at for event in again) - again[0].at
    assert all(step.elapsed(view.ended) < 40 + whole + 1 for step in view.steps)
    assert view.elapsed(view.ended) == pytest.approx(whole)


def test_beginning_again_forgets_everything() -> None:
    events = load("done")
    assert picture(view_of([*events, *events]), 0.0) == picture(view_of(events), 0.0)


def test_a_stopped_run_says_what_was_stopped_in_the_middle() -> None:
    view = view_of(load("stopped"))
    assert view.status == "cancelled"
    assert view.counts[State.STOPPED] == 1
    assert State.RUNNING not in {step.state for step in view.steps}


def test_without_an_engine_nothing_is_at_work_until_it_is_back() -> None:
    events = load("mid-run")
    now = now_of("mid-run")
    view = view_of(events)
    there = picture(view, now)
    assert view.at_work
    view.take_changes()
    view.engine_gone()
    assert view.interrupted
    assert view.at_work == []
    assert view.counts[State.RUNNING] == 0
    assert State.RUNNING not in {step.state for step in view.steps}
    assert view.eta(now) is None
    assert view.elapsed(now + 3600) < 60
    assert view.take_changes().cells
    view.engine_back()
    back = picture(view, now)
    assert back["cells"] == there["cells"]
    assert back["counts"] == there["counts"]


def test_a_machine_that_left_the_input_is_forgotten() -> None:
    view = view_of(Story(3).events(until=30))
    view.apply_all(Story(2).events(until=0))
    assert list(view.nodes) == ["10.0.0.11", "10.0.0.12"]
    assert view.task("EnsureDocker@10.0.0.13") is None
    assert view.total == view_of(Story(2).events(until=0)).total


def test_questions_stay_until_somebody_answers() -> None:
    asked = ev.QuestionAsked(
        question="q1", topic="host_key", host="h", port=22, algorithm="ssh-ed25519", fingerprint="SHA256:x"
    )
    view = view_of([asked, replace(asked), replace(asked, question="q2")])
    assert [question.question for question in view.questions] == ["q1", "q2"]
    view.apply(ev.QuestionAnswered(question="q1", yes=True))
    assert [question.question for question in view.questions] == ["q2"]
    assert view.take_changes().questions


# --- the forecast ----------------------------------------------------------------------------------------------------


def test_nothing_is_foretold_from_nothing() -> None:
    assert view_of(Story().events(until=0.5)).eta(BEGIN + 0.5) is None


def test_the_forecast_comes_true_when_all_goes_as_usual() -> None:
    story = Story()
    end = story.events()[-1].at
    for after in (40.0, 80.0, 150.0):
        now = BEGIN + after
        eta = view_of(story.events(until=after)).eta(now)
        assert eta is not None
        assert eta == pytest.approx(end - now, rel=0.25)


def test_a_slow_machine_is_what_the_rest_waits_for() -> None:
    view = view_of(Story().retry("EnsureKubelet@10.0.0.12", times=1, delay=500).events(until=80))
    now = BEGIN + 80
    assert view.critical_path(now)[0] == "EnsureKubelet@10.0.0.12"
    eta = view.eta(now)
    assert eta is not None
    assert eta > 400


def test_nothing_is_foretold_while_a_failure_waits_for_a_person() -> None:
    view = view_of(load("fifty"))
    now = now_of("fifty")
    assert view.eta(now) is None
    assert view.critical_path(now)


def test_nothing_is_foretold_when_what_decides_takes_far_too_long() -> None:
    story = Story().take("EnsureKubelet@10.0.0.12", 10_000)
    assert view_of(story.events(until=65)).eta(BEGIN + 65) is not None
    assert view_of(story.events(until=900)).eta(BEGIN + 900) is None


def test_steps_know_when_they_end() -> None:
    now = BEGIN + 60
    view = view_of(Story().events(until=60))
    ends = view.forecast(now).steps
    names = [step.name for step in view.steps]
    assert ends[names.index("Create global cluster")] < ends[names.index("Install tke-gateway")]
    assert names.index("Preflight") not in ends


def test_an_old_journal_is_foretold_by_a_guess_of_what_waits_for_what() -> None:
    view = view_of(Story(with_needs=False).events(until=60))
    path = view.critical_path(BEGIN + 60)
    assert path
    assert view.eta(BEGIN + 60)
    assert path[-1] == "Execute post install hook"


# --- any journal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_folding_in_pieces_is_folding_at_once(name: str) -> None:
    events = load(name)
    now = now_of(name)
    whole = picture(view_of(events), now)
    pieces = ViewState()
    for number, event in enumerate(events):
        pieces.apply(event)
        if number % 37 == 0:
            pieces.take_changes()
            picture(pieces, event.at)
    assert picture(pieces, now) == whole


@pytest.mark.parametrize("name", NAMES)
def test_what_is_reported_as_changed_is_enough_to_draw_by(name: str) -> None:
    view = ViewState()
    drawn: dict[tuple[int, int], Any] = {}
    steps: list[Any] = []
    failures: list[Any] = []
    for number, event in enumerate(load(name)):
        view.apply(event)
        if number % 11:
            continue
        changes = view.take_changes()
        if changes.layout:
            places = [(row, column) for row in range(len(view.rows)) for column in range(len(view.handlers))]
            steps = list(view.steps)
            drawn = {}
        else:
            places = sorted(changes.cells)
        drawn |= {place: view.cell(*place) for place in places}
        for step in changes.steps:
            steps[step] = view.steps[step]
        if changes.failures:
            failures = view.failures
        assert drawn == {place: view.cell(*place) for place in drawn}
        assert steps == list(view.steps)
        assert failures == view.failures


def _events(tasks: list[str]) -> st.SearchStrategy[ev.Event]:
    at = st.floats(0, 1e6)
    task = st.sampled_from([*tasks, "unknown", "a@b@c", ""])
    number = st.integers(-3, 2**40)
    text = st.text(max_size=5)
    rows = st.lists(st.lists(st.sampled_from([*tasks, "", "x"]), max_size=6).map(tuple), max_size=6).map(
        tuple
    )
    needs = st.lists(st.lists(st.integers(-2, 8), max_size=3).map(tuple), max_size=6).map(tuple)
    return st.one_of(
        st.builds(
            ev.RunStarted, at=at, seq=number, version=text, pid=number, resumed=st.booleans(), tasks=number
        ),
        st.builds(ev.PlanReady, at=at, tasks=rows, needs=needs),
        st.just(replace(Story(2).events(until=0)[1], at=5.0)),
        st.builds(ev.TaskStarted, at=at, task=task, key=text, attempt=number),
        st.builds(
            ev.TaskSucceeded, at=at, task=task, key=text, seconds=at, changes=st.just(("a",)) | st.just(())
        ),
        st.builds(ev.TaskFailed, at=at, task=task, key=text, seconds=at, title=text),
        st.builds(
            ev.TaskRetrying,
            at=at,
            task=task,
            attempt=number,
            attempts=number,
            delay=at,
            title=text,
            detail=text,
        ),
        st.builds(
            ev.TaskSkipped,
            at=at,
            task=task,
            why=text,
            by=st.sampled_from(["done", "condition", "skip_steps", "person", "?"]),
        ),
        st.builds(ev.TaskBlocked, at=at, task=task, on=task),
        st.builds(ev.TaskReset, at=at, task=task),
        st.builds(ev.TaskCancelled, at=at, task=task, key=text),
        st.builds(ev.TaskProgress, at=at, task=task, done=number, total=number, text=text),
        st.builds(ev.LogLine, at=at, task=task, node=text, stream=text, line=text),
        st.builds(ev.Notice, at=at, level=text, text=text),
        st.builds(
            ev.RunFinished,
            at=at,
            status=st.sampled_from(["success", "failed", "cancelled", "?"]),
            exit_code=number,
            seconds=at,
            ran=number,
            skipped=number,
            failed=number,
            blocked=number,
        ),
        st.builds(ev.ControlChanged, at=at, controller=text, mine=st.booleans()),
    )


TASKS = [row[0] for row in Story(2).events(until=0)[1].tasks]  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(_events([*TASKS[6:30], "EnsureGalaxy", "Push images"]), max_size=60),
    begun=st.booleans(),
    cut=st.integers(0, 60),
    now=st.floats(0, 1e7),
)
def test_whatever_happens_the_fold_stays_whole(
    events: list[ev.Event], begun: bool, cut: int, now: float
) -> None:
    events = [*Story(2).events(until=3), *events] if begun else events
    view = view_of(events)
    whole = picture(view, now)
    cells = [cell for step in {step.name for step in view.steps} for cell in view.tasks_of_step(step)]
    present = [cell.state for cell in cells if not cell.absent]
    assert {state: present.count(state) for state in set(present)} == dict(+view.counts)
    assert 0.0 <= view.progress <= 1.0
    assert {failure.task for failure in view.failures} == {
        cell.task for cell in cells if cell.state is State.FAILED
    }
    pieces = ViewState()
    pieces.apply_all(events[:cut])
    picture(pieces, now)
    pieces.take_changes()
    pieces.apply_all(events[cut:])
    assert picture(pieces, now) == whole


def test_a_thousand_machines_are_folded_in_a_moment() -> None:
    rows = tuple(
        (
            f"EnsureThing{handler}@10.1.{node // 250}.{node % 250}",
            "Create",
            f"EnsureThing{handler}",
            f"10.1.{node}",
            "",
        )
        for handler in range(30)
        for node in range(1000)
    )
    events: list[ev.Event] = [ev.PlanReady(tasks=rows)]
    events += [ev.TaskStarted(task=row[0], key="k", at=1.0) for row in rows[:10_000]]
    view = view_of(events)
    assert view.counts == {State.RUNNING: 10_000, State.PENDING: 20_000}
    assert len(view.take_changes().cells) == 10_000
    assert view.task(rows[0][0]) is not None

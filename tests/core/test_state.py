"""The fold over the journal: a snapshot taken anywhere spares reading, and never changes what is known."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tke_tui.core.events import (
    Event,
    Notice,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskCancelled,
    TaskFailed,
    TaskRetrying,
    TaskSkipped,
    TaskStarted,
    TaskSucceeded,
)
from tke_tui.core.snapshots import Snapshots
from tke_tui.core.state import RunState, restore

TASKS = st.sampled_from(["Preflight", "EnsureDocker@10.0.0.1", "EnsureDocker@10.0.0.2", "中文@10.0.0.1"])
KEYS = st.sampled_from(["k1", "k2"])
SECONDS = st.sampled_from([0.0, 1.5])
EVENTS = st.one_of(
    st.builds(RunStarted, version=st.just("1"), pid=st.just(7), resumed=st.booleans(), tasks=st.just(3)),
    st.builds(TaskStarted, task=TASKS, key=KEYS, attempt=st.integers(1, 3)),
    st.builds(TaskSucceeded, task=TASKS, key=KEYS, seconds=SECONDS),
    st.builds(TaskFailed, task=TASKS, key=KEYS, seconds=SECONDS, title=st.text(max_size=5)),
    st.builds(
        TaskRetrying, task=TASKS, attempt=st.just(1), attempts=st.just(3), delay=SECONDS, title=st.just("x")
    ),
    st.builds(TaskSkipped, task=TASKS, why=st.just("x"), by=st.just("done")),
    st.builds(TaskBlocked, task=TASKS, on=TASKS),
    st.builds(TaskCancelled, task=TASKS, key=KEYS),
    st.builds(Notice, level=st.just("warning"), text=st.just("x")),
    st.builds(
        RunFinished,
        status=st.sampled_from(["success", "failed", "cancelled"]),
        exit_code=st.integers(0, 6),
        seconds=SECONDS,
        ran=st.just(1),
        skipped=st.just(0),
        failed=st.just(0),
        blocked=st.just(0),
    ),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events with growing numbers; log lines and progress take some in between."""
    history: list[Event] = []
    seq = 0
    for event in draw(st.lists(EVENTS, max_size=25)):
        seq += draw(st.integers(1, 3))
        history.append(type(event).from_dict(event.as_dict() | {"seq": seq, "at": float(seq)}))
    return history


def fold(events: list[Event]) -> RunState:
    state = RunState()
    for event in events:
        state.apply(event)
    return state


@given(history=histories(), data=st.data())
def test_a_snapshot_of_any_prefix_and_the_journal_give_what_the_journal_gives(
    tmp_path_factory: pytest.TempPathFactory, history: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    path = tmp_path_factory.mktemp("state") / "state.json"
    fold(history[:cut]).save(path)
    snapshot = RunState.load(path)
    assert snapshot == fold(history[:cut])
    assert restore(snapshot, history) == fold(history)


@given(history=histories(), data=st.data())
def test_a_snapshot_of_more_than_the_journal_has_is_not_believed(
    history: list[Event], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    assert restore(fold(history), history[:cut]) == fold(history[:cut])


@given(history=histories(), data=st.data())
def test_a_copy_is_not_touched_by_what_comes_later(history: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    state = fold(history[:cut])
    copy = state.copy()
    for event in history[cut:]:
        state.apply(event)
    assert copy == fold(history[:cut])


async def test_a_snapshot_is_written_while_the_loop_goes_on(tmp_path: Path) -> None:
    """With 20,000 tasks, writing takes long enough to see that nobody waits for it."""
    state = RunState()
    for number in range(20_000):
        task = f"EnsureDocker@10.0.{number // 250}.{number % 250}"
        state.apply(TaskSucceeded(seq=number + 1, at=0.0, task=task, key="k", seconds=1.0))
    path = tmp_path / "state.json"
    snapshots = Snapshots(path, every=3600)
    snapshots.offer(state)
    assert not path.exists()
    turns = 0
    while not path.exists():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    await snapshots.settle()
    state.apply(TaskStarted(seq=20_001, at=0.0, task="late", key="k"))
    snapshots.offer(state)
    await snapshots.settle()
    assert "late" not in path.read_text()
    await snapshots.finish(state)
    assert json.loads(path.read_text())["tasks"]["late"]["status"] == "running"


async def test_a_snapshot_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "absent" / "state.json", every=0)
    snapshots.offer(RunState())
    await snapshots.settle()
    await snapshots.finish(RunState())

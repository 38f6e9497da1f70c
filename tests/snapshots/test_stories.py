"""Pictures of the lab's stories, from journals of real runs in it: each says that it is simulated."""

from __future__ import annotations

import pytest

from tests.journals import load
from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import app_of_journal, snap_app
from tke_tui.core.events import TaskRetrying

Size = tuple[int, int]


@pytest.mark.parametrize("name", ["disk-full", "kubelet-never-comes-up", "registry-down", "wrong-password"])
def test_end_of(snap: Snap, size: Size, name: str) -> None:
    snap(app_of_journal(f"story-{name}"), size)


def test_flaky_node_in_the_middle(snap: Snap, size: Size) -> None:
    events = load("story-flaky-node")
    broken = next(number for number, event in enumerate(events) if isinstance(event, TaskRetrying))
    snap(snap_app(start="dashboard", events=events[: broken + 1], now=events[broken].at), size)


def test_result_of_all_well(snap: Snap, size: Size) -> None:
    snap(app_of_journal("story-all-well"), size)

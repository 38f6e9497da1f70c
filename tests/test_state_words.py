from __future__ import annotations

import pytest

from tke_tui.state_words import about, clock_time, label, short_words, words
from tke_tui.symbols import State, Symbols
from tke_tui.view_types import Attempt, Cell

SYMBOLS = Symbols()


def cell(state: State, **values: object) -> Cell:
    return Cell("EnsureDocker@10.0.0.1", "EnsureDocker", "10.0.0.1", "Install docker", 0, state, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (8.9, "0:08"), (130, "2:10"), (3753, "1:02:33"), (360000, "100:00:00")],
)
def test_what_has_passed_is_told_to_the_second(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (61, "about 1 min"),
        (12 * 60 + 25, "about 12 min"),
        (100 * 60, "about 1 h 40 min"),
        (7190, "about 2 h"),
    ],
)
def test_what_is_to_come_is_told_no_more_exactly_than_it_is_known(seconds: float, text: str) -> None:
    assert about(seconds) == text


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (cell(State.PENDING), "pending"),
        (cell(State.RUNNING, started=100.0), "running 0:12"),
        (cell(State.RUNNING, started=100.0, attempt=2), "running 0:12 (attempt 2)"),
        (
            cell(State.RUNNING, started=100.0, done=3, total=7, note="pause:3.2"),
            "running 0:12 - 3/7 pause:3.2",
        ),
        (cell(State.DONE, seconds=65.0, changes=("installed it",)), "done in 1:05"),
        (cell(State.DONE, seconds=0.4), "done in 0:00, nothing to change"),
        (cell(State.DONE, by="done"), "done before, with the same input"),
        (
            cell(State.RETRYING, attempt=2, attempts=6, until=120.2, note="connection lost"),
            "retry 2/5 in 8 s: connection lost",
        ),
        (cell(State.FAILED, seconds=4.0, note="no space left"), "FAILED after 0:04: no space left"),
        (
            cell(State.BLOCKED, note="EnsureKubelet@10.0.0.2"),
            "held up by EnsureKubelet on 10.0.0.2",
        ),
        (cell(State.SKIPPED, note="told to", by="person"), "skipped: told to"),
        (
            cell(State.LEFT_OUT, note="no GPU", by="condition"),
            "not part of this installation: no GPU",
        ),
        (cell(State.STOPPED), "stopped; it runs again"),
    ],
)
def test_the_state_of_a_task_is_told_in_honest_words(of: Cell, text: str) -> None:
    assert words(of, 112.0, SYMBOLS) == text


def test_a_retry_is_not_called_a_failure_where_there_is_little_room() -> None:
    waiting = cell(State.RETRYING, attempt=1, attempts=3, until=115.0, tries=(Attempt(1, 100.0, "lost"),))
    assert short_words(waiting, 112.0, SYMBOLS) == "retry 1/2 3 s"
    assert short_words(waiting, 200.0, SYMBOLS) == "retry 1/2 0 s"
    assert short_words(cell(State.FAILED), 0.0, SYMBOLS) == "FAILED"


def test_a_task_is_called_by_name_and_machine() -> None:
    assert label("EnsureDocker@10.0.0.1") == "EnsureDocker on 10.0.0.1"
    assert label("Preflight") == "Preflight"

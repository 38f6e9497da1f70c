from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tke_tui.eta import Durations, forecast, guessed_needs, in_order
from tke_tui.symbols import State
from tke_tui.typical import SECONDS, typical
from tke_tui.view_types import Cell


def cell(name: str, state: State = State.PENDING, **values: object) -> Cell:
    return Cell(name, name, "", name, 0, state, **values)  # type: ignore[arg-type]


def test_every_typical_duration_is_of_a_task_there_is() -> None:
    from tke_tui.core.plan import handler_names, step_names

    assert set(SECONDS) <= {*step_names(), *handler_names()}


def test_without_needs_machines_go_their_own_way_and_meet_at_what_runs_once() -> None:
    rows = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("once", ""), ("c", "1"), ("c", "2")]
    assert guessed_needs(rows) == ((), (), (0,), (1,), (2, 3), (4,), (4,))


@given(st.lists(st.lists(st.integers(-3, 12), max_size=4), max_size=10))
def test_order_respects_needs_and_survives_nonsense(needs: list[list[int]]) -> None:
    order = in_order(needs)
    assert len(order) == len(set(order)) <= len(needs)
    place = {index: number for number, index in enumerate(order)}
    for index in order:
        for need in needs[index]:
            if 0 <= need < len(needs) and need != index:
                assert place[need] < place[index]


def test_a_slow_run_is_expected_to_stay_slow_and_never_beyond_reason() -> None:
    durations = Durations()
    assert durations.expected("EnsureGalaxy") == typical("EnsureGalaxy")
    for name in ("EnsureDocker", "EnsureKubelet", "EnsureCNIPlugins"):
        durations.learn(name, typical(name) * 3)
    assert durations.expected("EnsureGalaxy") == typical("EnsureGalaxy") * 3
    for _ in range(50):
        durations.learn("EnsureDocker", 10_000.0)
    assert durations.expected("EnsureGalaxy") <= typical("EnsureGalaxy") * 8


def test_the_same_task_elsewhere_tells_more_than_what_is_usual() -> None:
    durations = Durations()
    for seconds in (40.0, 41.0, 300.0):
        durations.learn("EnsureDocker", seconds)
    assert durations.expected("EnsureDocker") == 41.0


def test_progress_of_a_task_tells_more_than_its_expected_duration() -> None:
    durations = Durations()
    for name in ("EnsureDocker", "EnsureKubelet", "EnsureCNIPlugins"):
        durations.learn(name, typical(name))
    pushing = cell("Push images", State.RUNNING, started=100.0, done=100, total=400)
    told = forecast([pushing], [()], [0], durations, 110.0)
    assert told.seconds == 30.0


def test_the_longest_chain_decides() -> None:
    durations = Durations()
    for name in ("EnsureDocker", "EnsureKubelet", "EnsureCNIPlugins"):
        durations.learn(name, typical(name))
    cells = [cell("Push images"), cell("EnsureDocker"), cell("EnsureGalaxy"), cell("EnsureKubelet")]
    needs = [(), (), (0, 1), (1,)]
    told = forecast(cells, needs, in_order(needs), durations, 0.0)
    assert told.path == ("Push images", "EnsureGalaxy")
    assert told.seconds == typical("Push images") + typical("EnsureGalaxy")

"""When a run will end: the longest chain of what is left, by typical durations and by what this run has shown.

Pure arithmetic over the tasks of a plan; knows no events and no screens.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tke_tui.symbols import State
from tke_tui.typical import typical
from tke_tui.view_types import AT_WORK, ENDED, Cell, Forecast

LEAST_SEEN = 3
"""Ended tasks of some length without which nothing is foretold."""

WORTH_MEASURING = 1.0
"""Seconds a task usually takes at least, to tell how fast these machines are."""

OVERDUE = 4.0
"""A task on the longest chain that takes so many times longer than expected makes any forecast a guess."""

_SLOWEST, _FASTEST = 8.0, 0.25


def guessed_needs(rows: Sequence[tuple[str, str]]) -> tuple[tuple[int, ...], ...]:
    """What each task waits for, for a journal that does not say: (name, node) rows in order -> indices of rows.

    What runs on a machine waits for what is before it on that machine, what runs once waits for all before it.
    """
    needs: list[tuple[int, ...]] = []
    front: dict[str, int] = {}
    last: tuple[int, ...] = ()
    for index, (_, node) in enumerate(rows):
        if node:
            needs.append((front[node],) if node in front else last)
            front[node] = index
        else:
            needs.append(tuple(front.values()) or last)
            front.clear()
            last = (index,)
    return tuple(needs)


def in_order(needs: Sequence[Iterable[int]]) -> list[int]:
    """Every index after those it needs; needs on nothing there is are ignored, circles left out."""
    count = len(needs)
    waiting = [{need for need in of if 0 <= need < count and need != index} for index, of in enumerate(needs)]
    dependents: list[list[int]] = [[] for _ in range(count)]
    for index, of in enumerate(waiting):
        for need in of:
            dependents[need].append(index)
    left = [len(of) for of in waiting]
    ready = [index for index, number in enumerate(left) if not number]
    for index in ready:
        for dependent in dependents[index]:
            left[dependent] -= 1
            if not left[dependent]:
                ready.append(dependent)
    return ready


class Durations:
    """What a task may be expected to take, learnt from those that have ended."""

    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = defaultdict(list)
        self._usual = 0.0
        self._real = 0.0
        self.measured = 0

    def learn(self, name: str, seconds: float) -> None:
        """A task of this name took so long, and had something to do."""
        self._seen[name].append(seconds)
        usual = typical(name)
        if usual >= WORTH_MEASURING:
            self.measured += 1
            self._usual += usual
            self._real += seconds

    @property
    def pace(self) -> float:
        """How many times longer than usual things take here; 1.0 until something was seen."""
        if self.measured < LEAST_SEEN:
            return 1.0
        return min(_SLOWEST, max(_FASTEST, self._real / self._usual))

    def expected(self, name: str) -> float:
        """Seconds: the median of the same task on other machines, or what is typical at this run's pace."""
        seen = self._seen.get(name)
        return statistics.median(seen) if seen else typical(name) * self.pace


def forecast(
    cells: Sequence[Cell],
    needs: Sequence[Sequence[int]],
    order: Sequence[int],
    durations: Durations,
    now: float,
) -> Forecast:
    """The end of what is left, provided nothing fails. `order` is `in_order(needs)`."""
    expected: dict[str, float] = {}
    finish = [0.0] * len(cells)
    last: list[int] = [-1] * len(cells)
    steps: dict[int, float] = {}
    overdue: set[int] = set()
    for index in order:
        cell = cells[index]
        if cell.state in ENDED and not cell.absent:
            continue
        begin = 0.0
        for need in needs[index]:
            if 0 <= need < len(cells) and finish[need] > begin:
                begin, last[index] = finish[need], need
        if cell.absent:
            # Guessed needs lead through what is left out.
            finish[index] = begin
            continue
        name = cell.name
        if name not in expected:
            expected[name] = durations.expected(name)
        finish[index] = begin + _remaining(cell, expected[name], now)
        if cell.state is State.RUNNING and cell.elapsed(now) > OVERDUE * max(expected[name], WORTH_MEASURING):
            overdue.add(index)
        steps[cell.step] = max(steps.get(cell.step, 0.0), finish[index])
    end = max(order, key=finish.__getitem__, default=-1)
    if end < 0 or finish[end] <= 0.0:
        return Forecast(None)
    chain = [index for index in _chain(end, last) if not cells[index].absent]
    known = durations.measured >= LEAST_SEEN and not overdue.intersection(chain)
    path = tuple(cells[index].task for index in chain)
    return Forecast(finish[end] if known else None, path, _rounded(steps) if known else {})


def _remaining(cell: Cell, expected: float, now: float) -> float:
    if cell.state not in AT_WORK:
        return expected
    if cell.state is State.RETRYING:
        return max(0.0, cell.until - now) + expected
    elapsed = cell.elapsed(now)
    if cell.total > 0 and cell.done > 0 and elapsed >= WORTH_MEASURING:
        return elapsed * max(0, cell.total - cell.done) / cell.done
    return max(expected - elapsed, expected * 0.1)


def _chain(end: int, last: Sequence[int]) -> list[int]:
    chain: list[int] = []
    while end >= 0:
        chain.append(end)
        end = last[end]
    return chain[::-1]


def _rounded(steps: Mapping[int, float]) -> dict[int, float]:
    return {step: round(seconds, 1) for step, seconds in steps.items()}

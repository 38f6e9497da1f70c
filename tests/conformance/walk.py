"""Takes every task of an installation through the contract of a task, on whatever machines the plan is about.

The walk stands before the tasks of a graph; whoever runs the graph (the engine itself) runs the walk. Before a task
does its work it is planned, broken off by an error between two of its changes, planned again and cancelled in the
middle of a change; then it runs to its end, runs again and is looked at. What came of it is in a `Passage`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError, WouldChange
from tke_tui.core.graph import Graph

Run = Callable[[Context], Coroutine[Any, Any, None]]

PLANNED, FAILED, CANCELLED, RUN, AGAIN = "planned", "failed", "cancelled", "run", "again"
ASPECTS = (RUN, AGAIN, CANCELLED, FAILED, PLANNED)
GOOD = "good"
NOTHING = "changes nothing"
"""There is no change in the middle of which it could be broken off."""


class ToldToFail(TkeError):
    """The error that the walk breaks a task off with."""


@dataclass
class Passage:
    """One task on one machine: verdicts by aspect (`GOOD`, `NOTHING`, or what is wrong), and what it changed."""

    task: str
    node: str
    verdicts: dict[str, str] = field(default_factory=dict)
    foreseen: list[str] = field(default_factory=list)
    """The changes that the plan named before."""

    @property
    def problems(self) -> dict[str, str]:
        return {aspect: said for aspect, said in self.verdicts.items() if said not in (GOOD, NOTHING)}


@dataclass
class _Breaking(Context):
    """A context whose gate breaks the task off; `act` is called at the gate with the number of the change, from 1."""

    act: Callable[[int], None] = lambda number: None
    passed: int = 0

    def mutate(self, what: str) -> bool:
        self.passed += 1
        self.act(self.passed)
        return super().mutate(what)


class Walk:
    """`passages` has the results by task id. Tasks named in `always` have something to do each time.

    `into` is how long a change may have been under way before it is cancelled, in seconds. On what is `alive` some
    things come about by themselves, so that a later plan may find less to do.
    """

    def __init__(
        self, *, always: frozenset[str] = frozenset(), into: float = 0.0, alive: bool = False
    ) -> None:
        self._alive = alive
        self.passages: dict[str, Passage] = {}
        self._always = always
        self._into = into

    def before(self, build: Callable[..., Graph]) -> Callable[..., Graph]:
        """As `build`, with the walk before every task of the graph."""

        def walked(*args: Any, **kwargs: Any) -> Graph:
            graph = build(*args, **kwargs)
            self.prepare(graph)
            return graph

        return walked

    def prepare(self, graph: Graph) -> None:
        """Put the walk before every task of a graph that is going to run."""
        for task in {id(planned.task): planned.task for planned in graph.included}.values():
            task.run = self._through(task.name, task.run)  # type: ignore[assignment,method-assign]

    def of(self, task: str) -> list[Passage]:
        """The passages of a task on all its machines."""
        return [passage for passage in self.passages.values() if passage.task == task]

    def _through(self, name: str, run: Run) -> Run:
        async def walked(ctx: Context) -> None:
            node = "" if ctx.machine is None else str(ctx.machine.ip)
            key = f"{name}@{node}"
            if key not in self.passages:
                passage = self.passages[key] = Passage(name, node)
                await self._before(passage, run, ctx)
            passage = self.passages[key]
            await run(ctx)
            passage.verdicts[RUN] = GOOD
            await self._after(passage, run, ctx)

        return walked

    async def _before(self, passage: Passage, run: Run, ctx: Context) -> None:
        passage.foreseen = await self._planned(passage, run, ctx)
        if not passage.foreseen:
            passage.verdicts |= {FAILED: NOTHING, CANCELLED: NOTHING}
            return
        await self._failed(passage, run, ctx, at=min(2, len(passage.foreseen)))
        if await self._half_way(passage, run, ctx):
            await self._cancelled(passage, run, ctx)

    async def _planned(self, passage: Passage, run: Run, ctx: Context) -> list[str]:
        """Two plans and a check in between: they say the same, and none of them makes it so."""
        try:
            changes = await _plan(run, ctx)
            first = await _first_change(run, ctx)
            again = await _plan(run, ctx)
        except Exception as error:
            passage.verdicts[PLANNED] = f"{type(error).__name__}: {error}"
            return []
        moved_on = self._alive and set(again) <= set(changes)
        if sorted(changes) != sorted(again) and not moved_on:
            passage.verdicts[PLANNED] = f"the first plan is {changes}, the second {again}"
        elif (first not in changes if changes else first is not None) and not moved_on:
            passage.verdicts[PLANNED] = f"the check finds {first!r}, the plan {changes}"
        else:
            passage.verdicts[PLANNED] = GOOD
        return changes

    async def _half_way(self, passage: Passage, run: Run, ctx: Context) -> list[str]:
        """What is still to be done of a task that was broken off."""
        try:
            return await _plan(run, ctx)
        except Exception as error:
            passage.verdicts[PLANNED] = f"after it was broken off: {type(error).__name__}: {error}"
            return []

    async def _failed(self, passage: Passage, run: Run, ctx: Context, *, at: int) -> None:
        def fail(number: int) -> None:
            if number == at:
                raise ToldToFail("the walk breaks this task off")

        breaking = _other(ctx, Mode.RUN, act=fail)
        try:
            await run(breaking)
        except Exception as error:
            came = breaking.passed >= at
            passage.verdicts[FAILED] = GOOD if came else f"{type(error).__name__}: {error}"
        else:
            passage.verdicts[FAILED] = f"it ended well after {breaking.passed} of {at} changes"

    async def _cancelled(self, passage: Passage, run: Run, ctx: Context) -> None:
        loop = asyncio.get_running_loop()

        def cancel(number: int) -> None:
            if number == 1:
                loop.call_later(self._into, task.cancel)

        breaking = _other(ctx, Mode.RUN, act=cancel)
        task = asyncio.ensure_future(run(breaking))
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            passage.verdicts[CANCELLED] = GOOD
        except Exception as error:
            passage.verdicts[CANCELLED] = f"{type(error).__name__}: {error}"
        else:
            # All was done before the cancellation came: a task of one quick change.
            passage.verdicts[CANCELLED] = GOOD

    async def _after(self, passage: Passage, run: Run, ctx: Context) -> None:
        again = _other(ctx, Mode.RUN)
        try:
            await run(again)
            left = await _first_change(run, ctx)
        except Exception as error:
            passage.verdicts[AGAIN] = f"{type(error).__name__}: {error}"
            return
        if passage.task in self._always:
            passage.verdicts[AGAIN] = GOOD if again.changes == [left] else f"{again.changes}, then {left!r}"
        else:
            passage.verdicts[AGAIN] = (
                GOOD if not again.changes and left is None else f"{again.changes}, {left!r}"
            )


def _other(ctx: Context, mode: Mode, act: Callable[[int], None] = lambda number: None) -> _Breaking:
    values = {each.name: getattr(ctx, each.name) for each in dataclasses.fields(Context)}
    return _Breaking(**{**values, "mode": mode, "changes": []}, act=act)


async def _plan(run: Run, ctx: Context) -> list[str]:
    planning = _other(ctx, Mode.PLAN)
    await run(planning)
    return planning.changes


async def _first_change(run: Run, ctx: Context) -> str | None:
    """What the check of a task names as its first change; None when there is nothing to do."""
    try:
        await run(_other(ctx, Mode.CHECK))
    except WouldChange as change:
        return change.what
    return None

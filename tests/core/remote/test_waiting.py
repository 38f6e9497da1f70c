"""Waiting for a condition, and bounded concurrency."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.core.engine_world import World, task
from tke_tui.core.context import Context
from tke_tui.core.errors import Fatal
from tke_tui.core.remote.waiting import at_once, until
from tke_tui.core.task import Need


async def test_condition_that_never_comes_true_ends_in_false_after_the_time() -> None:
    async def never() -> bool:
        return False

    assert not await until(never, timeout=0.01)


async def test_condition_is_asked_again_until_true() -> None:
    answers = iter([False, True])

    async def sometimes() -> bool:
        return next(answers)

    assert await until(sometimes, timeout=30)


async def test_never_more_than_the_limit_at_once() -> None:
    running = most = 0

    async def job() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await at_once(3, [job] * 10)
    assert most == 3


async def test_first_failure_is_raised_bare_and_stops_the_others() -> None:
    stopped: list[int] = []

    async def job(number: int) -> None:
        if number == 1:
            raise Fatal("no space")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(number)
            raise

    with pytest.raises(Fatal, match="no space"):
        await at_once(3, [partial(job, number) for number in range(5)])
    assert {0, 2} <= set(stopped) <= {0, 2, 3}


async def test_a_failure_is_none_of_a_cancellation_also_for_the_engine(tmp_path: Path) -> None:
    """It asks the task whether it is being cancelled: a failure must not be taken for that, as nothing would follow."""

    async def refused() -> None:
        await asyncio.sleep(0)
        raise Fatal("no such image")

    async def slow() -> None:
        await asyncio.Event().wait()

    async def pulls(ctx: Context) -> None:
        await at_once(2, [slow, refused])

    world = World(tmp_path)
    result = await asyncio.wait_for(world.run(task("a", pulls), task("b", needs=[Need("a")])), 10)
    assert result.status == "failed"
    assert world.kinds("task_cancelled") == []
    assert world.kinds("task_failed") == ["a"]


async def test_who_is_cancelled_ends_its_jobs_first() -> None:
    ended = asyncio.Event()

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    attempt = asyncio.create_task(at_once(2, [job]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert ended.is_set()

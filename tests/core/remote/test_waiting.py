"""Waiting for a condition, and bounded concurrency."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tke_tui.core.errors import Fatal
from tke_tui.core.remote.waiting import at_once, until


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

"""Waiting for a condition on a machine that can only be asked for, and doing a bounded number of things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 3.0


async def until(condition: Callable[[], Awaitable[bool]], *, timeout: float) -> bool:
    """Ask until the answer is True, with growing pauses (0.2 s to 3 s); False after `timeout` seconds."""
    pause = FIRST_PAUSE
    try:
        async with asyncio.timeout(timeout):
            while not await condition():
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, LONGEST_PAUSE)
    except TimeoutError:
        return False
    return True


async def at_once(limit: int, jobs: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run jobs, at most `limit` at a time. The first failure ends the others and is raised as it is."""
    # In a task of its own: before Python 3.13 a group that fails leaves its task marked as being cancelled, and the
    # engine would take the failure for a cancellation.
    await asyncio.create_task(_at_once(limit, jobs))


async def _at_once(limit: int, jobs: Iterable[Callable[[], Awaitable[None]]]) -> None:
    slots = asyncio.Semaphore(limit)

    async def run(job: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            await job()

    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(run(job))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None

"""Real logins to machines that are being filled in: all at once, each answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from tke_tui.client import EngineClient, LoginTest
from tke_tui.core.errors import TkeError
from tke_tui.core.model.machine import Machine
from tke_tui.forms.machine_rows import Check, login_key
from tke_tui.screens.engine_access import engine_of
from tke_tui.symbols import State

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

AT_ONCE = 16
"""Logins that are tried at the same time."""

Ask = Callable[[EngineClient, Machine], Awaitable[LoginTest]]


async def try_logins(
    app: TkeApp,
    machines: Sequence[Machine],
    checks: dict[str, Check],
    ask: Ask,
    changed: Callable[[], None],
) -> None:
    """Ask about each machine and keep in `checks` (by `login_key`) what came of it; `changed` is called each time.

    A failure about one machine is its result. Raises `TkeError` when there is no engine to ask; what was known before
    stays then, as it does for machines that were not reached when this is cancelled.
    """
    fresh = {login_key(machine): machine for machine in machines}
    fresh = {key: each for key, each in fresh.items() if checks.get(key, Check()).state is not State.RUNNING}
    before = {key: checks.get(key, Check()) for key in fresh}
    checks.update(dict.fromkeys(fresh, Check(State.RUNNING)))
    changed()
    places = asyncio.Semaphore(AT_ONCE)

    async def one(client: EngineClient, key: str, machine: Machine) -> None:
        async with places:
            try:
                check = Check.of(await ask(client, machine))
            except TkeError as error:
                check = Check(State.FAILED, error.title, error.detail, error.fix)
        before.pop(key)
        checks[key] = check
        changed()

    try:
        client = await engine_of(app)
        await asyncio.gather(*(one(client, key, machine) for key, machine in fresh.items()))
    finally:
        checks.update(before)
        changed()

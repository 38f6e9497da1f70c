"""The one worker between engine and screens: folds events into the view and finds a lost engine again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tke_tui.app_context import AppContext
from tke_tui.client import EngineClient, EngineLost, EngineStatus
from tke_tui.core import events as ev
from tke_tui.core.errors import TkeError
from tke_tui.messages import _
from tke_tui.view_state import ViewState
from tke_tui.view_types import Changes

FLUSH = 0.25
"""Seconds between two redraws: at most four a second go over a slow line."""

_BREATH = 200
"""Events that are folded in one go; a key press waits for no more than these."""

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to reach a lost engine; the last one is repeated."""


class Attachment:
    """What the app knows of the engine. `view` is the picture, `client` the way to give commands.

    The picture is a fold over the history, so it is of no use until `caught_up`: nobody is told before.
    `told` is called with what changed (None = everything) at most once in `FLUSH` seconds, `banner_changed` with the
    sentence about a lost or absent engine ("" = all is well).
    """

    def __init__(
        self,
        context: AppContext,
        client: EngineClient,
        told: Callable[[Changes | None], None],
        banner_changed: Callable[[str], None],
    ) -> None:
        self.client = client
        self.view = ViewState()
        self.status: EngineStatus | None = None
        self.banner = ""
        self.caught_up = False
        self._context = context
        self._told = told
        self._banner_changed = banner_changed
        self._flusher: asyncio.TimerHandle | None = None
        self._flushed = 0.0
        self._everything = True

    @property
    def absent(self) -> bool:
        """Whether something is left to do in the directory and nobody is at it, so that an engine could be told to."""
        return self.status is not None and not _lives(self.status)

    @property
    def drawn(self) -> bool:
        """Whether everybody was told of all that is in the view."""
        return self.caught_up and self._flusher is None

    async def follow(self) -> None:
        """Runs until the client was closed or the installation has ended well; finds an engine that comes back."""
        while True:
            try:
                await self._look()
                await self._fold()
                await self._catch_up()
                status = await self._look()
                if status.alive or status.run == "success":
                    return
                await self._wait_for_engine()
            except EngineLost:
                self.status = None
                self.caught_up = True
                self.view.engine_gone()
                self._flush_soon()
                self._say(_("Engine not answering: the installation may still run. Reconnecting ..."))
                await self._find_again()

    async def close(self) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
        await self.client.close()

    async def _look(self) -> EngineStatus:
        self.status = status = await self.client.status()
        if self.view.engine_alive != _lives(status):
            if _lives(status):
                self.view.engine_back()
            else:
                self.view.engine_gone()
            self._flush_soon()
        if status.problem is not None:
            self._say(status.problem.title)
        elif not status.alive and status.run not in ("success", "unknown"):
            self._say(_("No engine is running: nothing goes on. Ctrl+R continues the installation."))
        elif self.view.interrupted:
            self._say(_("The engine waits: nothing goes on. Ctrl+R continues the installation."))
        else:
            self._say("")
        return status

    async def _fold(self) -> None:
        count = 0
        async for event in self.client.events(after=self.view.seq):
            # Progress is in no journal: told late, it may be overtaken by what came after it.
            if event.durable and 0 < event.seq < self.view.seq:
                self.view = ViewState()
                self._everything = True
            self.view.apply(event)
            self._flush_soon()
            match event:
                case ev.ControlChanged():
                    # Told to everybody who comes, once the history has been told.
                    await self._catch_up()
                case ev.RunStarted() if self.caught_up:
                    self._heard(phase="running", run="doing")
                    self._say("")
                case ev.RunFinished() if self.caught_up:
                    self._heard(phase="ended", run=event.status)
            count += 1
            if count % _BREATH == 0:
                await asyncio.sleep(0)

    async def _catch_up(self) -> None:
        """The history was told. What runs according to it may have been interrupted: the status is of now."""
        if not self.caught_up:
            await self._look()
            self.caught_up = True
            self._flush_soon()

    def _heard(self, **changes: Any) -> None:
        """What an event says of the engine: a status that is asked for now may know more than was told yet."""
        if self.status is not None:
            self.status = replace(self.status, **changes)

    async def _find_again(self) -> None:
        """The engine may come back, or its directory may tell that it has ended."""
        await self.client.close()
        for attempt in itertools.count():
            await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
            try:
                self.client = await self._context.attach()
                return
            except TkeError:
                continue

    async def _wait_for_engine(self) -> None:
        """Nobody works in the directory, but somebody may begin to: then this client looks on."""
        while True:
            await asyncio.sleep(PAUSES[-1])
            try:
                client = await self._context.attach()
                alive = (await client.status()).alive
            except TkeError:
                continue
            if alive:
                await self.client.close()
                self.client = client
                return
            await client.close()

    def _say(self, banner: str) -> None:
        if banner != self.banner:
            self.banner = banner
            self._banner_changed(banner)

    def _flush_soon(self) -> None:
        if self._flusher is None and self.caught_up:
            loop = asyncio.get_running_loop()
            self._flusher = loop.call_at(max(loop.time(), self._flushed + FLUSH), self._flush)

    def _flush(self) -> None:
        self._flusher = None
        self._flushed = asyncio.get_running_loop().time()
        changes = self.view.take_changes()
        self._told(None if self._everything else changes)
        self._everything = False


def _lives(status: EngineStatus) -> bool:
    """Whether an engine does what is to be done. One that found an interrupted run only waits to be told to go on."""
    return status.alive and (status.phase == "running" or status.run != "doing")

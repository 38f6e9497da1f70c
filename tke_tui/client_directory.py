"""The client of a directory in which no engine answers: what its files tell, and nothing to command."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from tke_tui.client import EngineStatus, LoginTest, LoginWays, MachineLogin, NoEngine, Refused
from tke_tui.core.daemon.feed import Feed
from tke_tui.core.errors import StateError
from tke_tui.core.lock import holder_of
from tke_tui.core.paths import InstallDir

if TYPE_CHECKING:
    from tke_tui.core.events import Event
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.probes import Finding
    from tke_tui.core.run_settings import RunSettings

LOOK_AGAIN = 0.5
"""Seconds between two looks at the journal of an engine that has no socket."""


class DirectoryClient:
    """An `EngineClient` without an engine.

    A run whose process serves no socket is followed through its journal; when no process works in the directory, the
    events end after the history. As an engine would, it tells who is in control once the history has been told.
    """

    def __init__(self, directory: InstallDir) -> None:
        self.directory = directory
        self._closed = asyncio.Event()

    async def status(self) -> EngineStatus:
        from tke_tui.core.installation import has_installation, known_state

        if not has_installation(self.directory):
            return EngineStatus(alive=False)
        state = await asyncio.to_thread(known_state, self.directory)
        holder = holder_of(self.directory.lock)
        if holder:
            return EngineStatus(True, phase="running", controller=holder, read_only=True, run="doing")
        return EngineStatus(alive=False, phase="ended", run=state.status)

    async def events(self, after: int = 0) -> AsyncGenerator[Event, None]:
        from tke_tui.core.events import ControlChanged, event_from_dict

        feed = Feed(self.directory.journal)
        last = after
        greeted = False
        while not self._closed.is_set():
            # Asked before reading: what an engine wrote before it ended is read all the same.
            holder = holder_of(self.directory.lock)
            more = True
            while more and not self._closed.is_set():
                piece = await asyncio.to_thread(feed.read, last)
                last, more = piece.last, piece.more
                for line in piece.text.splitlines():
                    event = event_from_dict(json.loads(line))
                    if event is not None:
                        yield event
            if not greeted:
                greeted = True
                yield ControlChanged(at=time.time(), controller=holder, mine=False)
            if not holder:
                return
            await _either(self._closed, LOOK_AGAIN)

    async def start(self, para: CreateClusterPara, settings: RunSettings) -> None:
        self._refuse()

    async def restart(self) -> None:
        self._refuse()

    async def resume(self) -> None:
        self._refuse()

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        self._refuse()

    async def skip(self, task: str) -> None:
        self._refuse()

    async def stop(self) -> None:
        self._refuse()

    async def fix_login(self, node: str, login: MachineLogin) -> None:
        self._refuse()

    async def test_login(self, machine: Machine, ways: LoginWays | None = None) -> LoginTest:
        error = self._no_engine()
        return LoginTest(False, title=error.title, detail=error.detail, fix=error.fix)

    async def accept_host_key(
        self, machine: Machine, fingerprint: str, ways: LoginWays | None = None
    ) -> LoginTest:
        return await self.test_login(machine)

    async def answer(self, question: str, yes: bool) -> None:
        self._refuse()

    async def preflight(
        self, para: CreateClusterPara, settings: RunSettings
    ) -> AsyncGenerator[Finding, None]:
        for finding in self._no_findings():
            yield finding

    async def take_control(self) -> None:
        self._refuse()

    async def result(self, *, reveal: bool = False) -> dict[str, Any]:
        from tke_tui.core.installation import read_result
        from tke_tui.passphrase import passphrase

        try:
            found = await asyncio.to_thread(read_result, self.directory, passphrase=passphrase())
        except StateError as error:
            raise Refused(error.title, detail=error.detail, fix=error.fix) from None
        return found.as_dict(reveal=reveal)

    async def close(self) -> None:
        self._closed.set()

    def _no_engine(self) -> NoEngine:
        holder = holder_of(self.directory.lock)
        if holder:
            return NoEngine(
                "The engine at work here cannot be reached",
                detail=f"{holder}; it serves no socket",
                fix="Give commands where it was started, or wait for it to end.",
            )
        return NoEngine(
            f"No engine works in {self.directory.root}",
            fix=f"Start it with: tke-tui --resume --dir {self.directory.root}",
        )

    def _no_findings(self) -> list[Finding]:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise self._no_engine()


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

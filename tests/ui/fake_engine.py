"""The one stand-in for the engine in tests of the screens: plays events, writes down the commands it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from tke_tui.client import EngineLost, EngineStatus, LoginTest, LoginWays, MachineLogin
from tke_tui.core import events as ev
from tke_tui.core.errors import TkeError
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.probes import Finding
from tke_tui.core.run_settings import RunSettings

RESULT: dict[str, Any] = {
    "url": "http://console.tke.example",
    "username": "admin",
    "caCert": "",
    "hosts": ["console.tke.example", "registry.tke.example"],
    "hostsLines": ["192.0.2.10 console.tke.example", "192.0.2.10 registry.tke.example"],
    "servers": ["192.0.2.11", "192.0.2.12", "192.0.2.13"],
    "kubeconfigPath": "/srv/tke/global/admin.kubeconfig",
}


class FakeEngineClient:
    """An `EngineClient`. `commands` holds what was asked of it: ("retry", ("EnsureKubelet@10.0.0.13",)), ("stop",), …

    `events` is the history; `feed` adds to it while somebody follows. `lose` makes it an engine that went away.
    `refusals` are raised by the next commands, one each. `logins` are answers to login tests by address (default: it
    works), `findings` those of a preflight, `details` the result. The status follows the events unless `fixed_status`
    is set.
    """

    def __init__(self, directory: InstallDir, events: Iterable[ev.Event] = ()) -> None:
        self.directory = directory
        self.history: list[ev.Event] = list(events)
        self.commands: list[tuple[Any, ...]] = []
        self.refusals: list[TkeError] = []
        self.logins: dict[str, LoginTest] = {}
        self.findings: list[Finding] = []
        self.details: dict[str, Any] = dict(RESULT)
        self.fixed_status: EngineStatus | None = None
        self.read_only = False
        self.controller = ""
        self.alive = True
        self.closed = False
        self.told = 0
        self._more = asyncio.Event()

    # --- for tests -----------------------------------------------------------------------------------------------

    @property
    def caught_up(self) -> bool:
        """Whether everything was told to somebody."""
        return self.told >= len(self.history)

    def feed(self, *events: ev.Event) -> None:
        """Something happens: events without a number get the next one (questions and control keep 0)."""
        last = max((event.seq for event in self.history), default=0)
        for event in events:
            if event.seq == 0 and not isinstance(
                event, ev.QuestionAsked | ev.QuestionAnswered | ev.ControlChanged
            ):
                last += 1
                event = replace(event, seq=last)
            self.history.append(event)
        self._more.set()

    def lose(self) -> None:
        """The engine goes away without a word."""
        self.alive = False
        self._more.set()

    # --- EngineClient --------------------------------------------------------------------------------------------

    async def status(self) -> EngineStatus:
        if self.fixed_status is not None:
            return self.fixed_status
        run = "unknown"
        for event in self.history:
            if isinstance(event, ev.RunStarted):
                run = "doing"
            elif isinstance(event, ev.RunFinished):
                run = event.status
        phase = "idle" if run == "unknown" else "running" if run == "doing" and self.alive else "ended"
        return EngineStatus(
            alive=self.alive,
            pid=4242 if self.alive else 0,
            phase=phase,  # type: ignore[arg-type]
            version="1.0",
            controller=self.controller,
            mine=self.alive and not self.read_only,
            read_only=self.read_only,
            run=run,
        )

    async def events(self, after: int = 0) -> AsyncIterator[ev.Event]:
        told = 0
        greeted = False
        while True:
            self._more.clear()
            while told < len(self.history):
                event = self.history[told]
                told += 1
                self.told = max(self.told, told)
                if event.seq == 0 or event.seq > after:
                    yield event
            if not greeted:
                greeted = True
                yield self._who_commands()
            if self.closed:
                return
            if not self.alive:
                raise EngineLost("The engine went away", fix="Start it again with: tke-tui --resume")
            await self._more.wait()

    async def start(self, para: CreateClusterPara, settings: RunSettings) -> None:
        self._note("start", para, settings)

    async def restart(self) -> None:
        self._note("restart")

    async def resume(self) -> None:
        self._note("resume")

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        self._note("retry", tuple(tasks))

    async def skip(self, task: str) -> None:
        self._note("skip", task)

    async def stop(self) -> None:
        self._note("stop")

    async def fix_login(self, node: str, login: MachineLogin) -> None:
        self._note("fix_login", node, login)

    async def test_login(self, machine: Machine, ways: LoginWays | None = None) -> LoginTest:
        self.commands.append(("test_login", machine, ways))
        return self.logins.get(str(machine.ip), LoginTest(ok=True, facts="Debian 12, 8 CPU, 32 GiB"))

    async def accept_host_key(
        self, machine: Machine, fingerprint: str, ways: LoginWays | None = None
    ) -> LoginTest:
        self._note("accept_host_key", str(machine.ip), fingerprint)
        return LoginTest(ok=True, facts="Debian 12, 8 CPU, 32 GiB")

    async def answer(self, question: str, yes: bool) -> None:
        self._note("answer", question, yes)
        self.feed(ev.QuestionAnswered(question=question, yes=yes))

    async def preflight(self, para: CreateClusterPara, settings: RunSettings) -> AsyncIterator[Finding]:
        self._note("preflight", para, settings)
        for finding in self.findings:
            yield finding

    async def take_control(self) -> None:
        self._note("take_control")
        self.read_only = False
        self.feed(ev.ControlChanged(controller="you", mine=True))

    async def result(self, *, reveal: bool = False) -> dict[str, Any]:
        self._note("result", reveal)
        secrets = {"password": "c2VjcmV0", "kubeconfig": "a2luZDogQ29uZmln"}
        return self.details | (secrets if reveal else {})

    async def close(self) -> None:
        self.closed = True
        self._more.set()

    def _who_commands(self) -> ev.ControlChanged:
        told = [event for event in self.history if isinstance(event, ev.ControlChanged)]
        return told[-1] if told else ev.ControlChanged(controller=self.controller, mine=False)

    def _note(self, *command: Any) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.commands.append(command)

"""Makes the machines of the embedded lab behave as a scenario tells: slow, flaky, broken in a certain handler."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tke_tui.core.adapters import ssh_scripts
from tke_tui.core.errors import UsageError
from tke_tui.core.plan import CREATE_HANDLERS, STEPS
from tke_tui.lab.machine import ANSWERS
from tke_tui.lab.running_tasks import RunningTasks
from tke_tui.lab.scenario import Failure, Scenario

_SECONDS: dict[tuple[str, ...], float] = {
    ("docker", "pull"): 0.6,
    ("kubeadm", "init"): 0.8,
    ("kubeadm", "join"): 1.0,
    ("systemctl", "restart"): 0.8,
    ("systemctl", "start"): 0.6,
    ("systemctl", "daemon-reload"): 0.2,
    ("tar",): 0.4,
}
"""How long commands take at pace 1; all others take no time of their own."""

_LOOKS = ANSWERS | {"date", "df", "find", "getconf", "id", "ip", "ss", "true", "uname"}
_READS = ("sh", "-c", ssh_scripts.READ)
"""What changes nothing, and so is left alone by failures."""


@dataclass
class Troubles:
    """The troubles of one lab; `addresses` are its machines in order, `running` tells where the engine is.

    Raises `UsageError` when the scenario names a machine or a handler that there is none of.
    """

    scenario: Scenario
    addresses: Sequence[str]
    running: RunningTasks
    _commands: Counter[str] = field(default_factory=Counter)
    _broken: Counter[str] = field(default_factory=Counter)
    _asked: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        known = {task.name for task in (*STEPS, *CREATE_HANDLERS)}
        self._failures: dict[str, list[_Countdown]] = {}
        for failure in self.scenario.fail:
            if failure.handler not in known:
                raise UsageError(
                    f"There is no handler {failure.handler}", fix="See their names with: tke-tui plan -c FILE"
                )
            address = self.address_of(failure.node)
            self._failures.setdefault(address, []).append(_Countdown(failure, failure.times))
        self._factors = {self.address_of(slow.node): slow.factor for slow in self.scenario.slow}
        self._flaky = {self.address_of(flaky.node): flaky for flaky in self.scenario.flaky}

    def address_of(self, name: str) -> str:
        """The address of a machine that is named by number (from 1) or by address."""
        if name in self.addresses:
            return name
        if name.isdecimal() and 1 <= int(name) <= len(self.addresses):
            return self.addresses[int(name) - 1]
        raise UsageError(
            f"The lab has no machine {name}",
            detail=f"it has {len(self.addresses)}: {self.addresses[0]} to {self.addresses[-1]}",
            fix="Name one by its number, from 1, or by its address.",
        )

    async def delay(self, address: str, argv: Sequence[str]) -> None:
        """Let a command take its time."""
        self._commands[address] += 1
        seconds = self.seconds(address, argv)
        if seconds:
            await asyncio.sleep(seconds)

    def seconds(self, address: str, argv: Sequence[str]) -> float:
        """How long this command takes: what a seed says is the same in each run, whatever else goes on meanwhile."""
        own = next((s for words, s in _SECONDS.items() if tuple(argv[: len(words)]) == words), 0.0)
        if own:
            self._asked[address, *argv] += 1
            chance = random.Random(repr((self.scenario.seed, self._asked[address, *argv], address, *argv)))  # noqa: S311
            own *= self.scenario.pace * chance.uniform(0.6, 1.4)
        return (2 * self.scenario.latency / 1000 + own) * self._factors.get(address, 1.0)

    def end(self) -> None:
        """Nothing breaks or fails any more."""
        self._failures.clear()
        self._flaky.clear()

    def breaks_connection(self, address: str) -> bool:
        """Whether the connection is to break now instead of answering; never before a handler is at work."""
        flaky = self._flaky.get(address)
        if flaky is None or self._broken[address] >= flaky.times or self._commands[address] % flaky.every:
            return False
        if not self.running.on(address):
            return False
        self._broken[address] += 1
        return True

    def failure(self, address: str, argv: Sequence[str]) -> str | None:
        """Why this command is to fail, if it is."""
        if address not in self._failures or argv[0] in _LOOKS or tuple(argv[:3]) == _READS:
            return None
        running = self.running.on(address)
        for countdown in self._failures[address]:
            if countdown.left and countdown.failure.handler in running:
                countdown.left -= 1
                return countdown.failure.message
        return None


@dataclass
class _Countdown:
    failure: Failure
    left: int

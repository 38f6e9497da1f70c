"""Machines as rows of a table: what stands in each column, and what testing the logins has shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tke_tui.client import LoginTest
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.machine import Machine
from tke_tui.messages import _, n_
from tke_tui.symbols import State
from tke_tui.terminal import harmless

UNKNOWN_KEY = State.BLOCKED
"""State of a machine that answered with a host key nobody has vouched for."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is known about logging in to one machine: `title` in a few words, `detail` and `fix` when it failed."""

    state: State = State.PENDING
    title: str = ""
    detail: str = ""
    fix: str = ""
    fingerprint: str = ""
    algorithm: str = ""

    @classmethod
    def of(cls, test: LoginTest) -> Check:
        if test.ok:
            return cls(State.DONE, harmless(test.facts))
        if test.fingerprint:
            return cls(
                UNKNOWN_KEY,
                _("unknown host key"),
                harmless(test.detail),
                harmless(test.fix),
                test.fingerprint,
                test.algorithm,
            )
        return cls(State.FAILED, harmless(test.title), harmless(test.detail), harmless(test.fix))


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One line of the table. All texts may be shown as they are (no control characters), none is secret."""

    address: str
    user: str
    login: str
    role: str
    more: str
    check: Check
    problem: Finding | None = None
    selected: bool = False

    @property
    def state(self) -> State:
        """A problem of the input comes before what a test has shown."""
        return State.FAILED if self.problem is not None else self.check.state

    @property
    def text(self) -> str:
        """A few words on the state."""
        if self.problem is not None:
            return harmless(_(self.problem.message))
        words = {State.PENDING: _("not tested"), State.RUNNING: _("logging in ...")}
        return words.get(self.check.state, self.check.title)


def row_of(
    machine: Machine, index: int, check: Check, findings: Sequence[Finding] = (), selected: bool = False
) -> MachineRow:
    """The row of machine number `index` (from 0); `findings` are those about it."""
    port = f":{machine.port}" if machine.port != 22 else ""
    return MachineRow(
        address=harmless(machine.ip) + port,
        user=harmless(machine.username),
        login=login_kind(machine),
        role=_("first") if index == 0 else _("master"),
        more=_more(machine),
        check=check,
        problem=next((finding for finding in findings if finding.is_error), None),
        selected=selected,
    )


def login_kind(machine: Machine) -> str:
    """What the login is made with, in a word."""
    if machine.private_key is not None and machine.password is not None:
        return _("key, password")
    if machine.private_key is not None:
        return _("key")
    return _("password") if machine.password is not None else _("agent")


def _more(machine: Machine) -> str:
    parts: list[str] = []
    if machine.bastion is not None:
        parts.append(_("via {host}").format(host=harmless(machine.bastion.ip)))
    if machine.labels:
        parts.append(
            n_("{count} label", "{count} labels", len(machine.labels)).format(count=len(machine.labels))
        )
    if machine.taints:
        parts.append(
            n_("{count} taint", "{count} taints", len(machine.taints)).format(count=len(machine.taints))
        )
    if machine.host_key:
        parts.append(_("host key given"))
    return ", ".join(parts)


@dataclass
class MachineList:
    """The machines being edited: every change goes through here and can be undone.

    `changed` is called with the new list after each change. `checks` are by identity of what matters to a login, so
    that a machine that was moved keeps its result and one whose login was changed loses it.
    """

    machines: list[Machine]
    changed: Callable[[list[Machine]], None] = lambda machines: None
    checks: dict[str, Check] = field(default_factory=dict)
    _before: list[list[Machine]] = field(default_factory=list)

    def check(self, machine: Machine) -> Check:
        return self.checks.get(login_key(machine), Check())

    def add(self, machines: Sequence[Machine]) -> None:
        self._to([*self.machines, *machines])

    def put(self, index: int, machine: Machine) -> None:
        self._to([*self.machines[:index], machine, *self.machines[index + 1 :]])

    def apply(self, indices: Sequence[int], change: Callable[[Machine], Machine]) -> None:
        """Change several machines at once."""
        wanted = set(indices)
        self._to([change(m) if number in wanted else m for number, m in enumerate(self.machines)])

    def remove(self, indices: Sequence[int]) -> None:
        gone = set(indices)
        self._to([machine for number, machine in enumerate(self.machines) if number not in gone])

    def move(self, index: int, by: int) -> int:
        """Exchange a machine with a neighbour; its new index."""
        other = index + by
        if not (0 <= index < len(self.machines) and 0 <= other < len(self.machines)):
            return index
        machines = list(self.machines)
        machines[index], machines[other] = machines[other], machines[index]
        self._to(machines)
        return other

    def undo(self) -> bool:
        """Take back the last change; False when there is none."""
        if not self._before:
            return False
        self.machines = self._before.pop()
        self.changed(self.machines)
        return True

    def _to(self, machines: list[Machine]) -> None:
        if machines != self.machines:
            self._before.append(self.machines)
            self.machines = machines
            self.changed(machines)


def login_key(machine: Machine) -> str:
    """Equal for machines that are logged in to in the same way. Holds secrets: only to be compared."""
    parts = machine.model_dump(exclude={"labels", "taints"})
    return repr([(name, _clear(value)) for name, value in parts.items()])


def _clear(value: object) -> object:
    if isinstance(value, dict):
        return [(name, _clear(item)) for name, item in value.items()]
    reveal = getattr(value, "get_secret_value", None)
    return reveal() if reveal is not None else value

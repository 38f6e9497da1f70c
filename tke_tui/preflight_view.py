"""Results of the checks before an installation as a matrix: one row per check, one column per machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from tke_tui.core.probes import UNREACHABLE, Finding, Severity
from tke_tui.messages import N_, _, n_
from tke_tui.symbols import State

COMMON = ""
"""Column of what is about this host or about all machines together."""

STATES: dict[Severity, State] = {
    "error": State.FAILED,
    "warning": State.BLOCKED,
    "ignored": State.SKIPPED,
    "ok": State.DONE,
}
"""How each severity is drawn."""

_WORDS: dict[Severity, str] = {
    "error": N_("error"),
    "warning": N_("warning"),
    "ignored": N_("ignored"),
    "ok": N_("ok"),
}
_RANK: dict[Severity, int] = {"error": 3, "warning": 2, "ignored": 1, "ok": 0}


def severity_word(severity: Severity) -> str:
    return _(_WORDS[severity])


def counted(severity: Severity, count: int) -> str:
    """`1 error`, `2 warnings`, `30 ok`."""
    match severity:
        case "error":
            text = n_("{count} error", "{count} errors", count)
        case "warning":
            text = n_("{count} warning", "{count} warnings", count)
        case "ignored":
            text = n_("{count} ignored", "{count} ignored", count)
        case _:
            text = n_("{count} ok", "{count} ok", count)
    return text.format(count=count)


def family(check: str) -> str:
    """The check that a finding belongs to: `Port-6443` and `Port-2379` are both `Port`."""
    return check.partition("-")[0]


class PreflightView:
    """Findings as they come in. `ignored` are the names of checks that do not count (`all` for every one)."""

    def __init__(self, nodes: Iterable[str], ignored: Collection[str] = ()) -> None:
        self.nodes = (COMMON, *nodes)
        self.ignored = set(ignored)
        self.rows: list[str] = []
        self.complete = False
        self._cells: dict[tuple[str, str], list[Finding]] = {}

    def add(self, finding: Finding) -> str:
        """Take a finding in; the row it belongs to. One that came before is not taken twice."""
        row = family(finding.check)
        if row not in self.rows:
            self.rows.append(row)
        if finding.node not in self.nodes:
            self.nodes = (*self.nodes, finding.node)
        found = self._cells.setdefault((row, finding.node), [])
        if finding not in found:
            found.append(finding)
        return row

    def cell(self, row: str, node: str) -> list[Finding]:
        """The findings of a check on a machine, the worst first, as they count at present."""
        found = [self._judged(finding) for finding in self._cells.get((row, node), ())]
        return sorted(found, key=lambda finding: -_RANK[finding.severity])

    def state(self, row: str, node: str) -> State:
        """PENDING while nothing is known; LEFT_OUT where a finished run has nothing to say."""
        found = self.cell(row, node)
        if found:
            return STATES[found[0].severity]
        return State.LEFT_OUT if self.complete else State.PENDING

    def worst(self, row: str) -> Finding | None:
        """What matters most in a row; None while nothing is known."""
        found = [self.cell(row, node) for node in self.nodes]
        return max(
            (each[0] for each in found if each), key=lambda finding: _RANK[finding.severity], default=None
        )

    def count(self, severity: Severity) -> int:
        every = (self._judged(finding) for found in self._cells.values() for finding in found)
        return sum(1 for finding in every if finding.severity == severity)

    @property
    def passed(self) -> bool:
        """Whether an installation would go on after these checks."""
        return self.complete and not self.count("error")

    def ignorable(self, row: str, node: str) -> list[str]:
        """Names of the checks in a cell whose errors or warnings a person may decide to live with."""
        found = [finding for finding in self._cells.get((row, node), ()) if finding.check != UNREACHABLE]
        return list(dict.fromkeys(finding.check for finding in found if finding.severity != "ok"))

    def toggle(self, checks: Collection[str]) -> None:
        """Ignore these checks, or count them again when all of them are ignored."""
        known = {name.lower() for name in self.ignored}
        if all(check.lower() in known for check in checks):
            gone = {check.lower() for check in checks}
            self.ignored = {name for name in self.ignored if name.lower() not in gone}
        else:
            self.ignored |= set(checks)

    def _judged(self, finding: Finding) -> Finding:
        """The finding with the severity that it has at present."""
        if finding.severity == "ok" or finding.check == UNREACHABLE:
            return finding
        names = {name.lower() for name in self.ignored}
        return replace(finding, severity="ignored") if names & {"all", finding.check.lower()} else finding

"""Failures that have one cause, told once: the same thing that went wrong on many machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tke_tui.core.errors import ExitCode
from tke_tui.view_types import FailureView

_MACHINE = "\0"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """One cause: the failures it led to, in the order of time; never empty."""

    failures: tuple[FailureView, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Ids of the tasks that failed of it."""
        return tuple(failure.task for failure in self.failures)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Machines it happened on."""
        return tuple(failure.node for failure in self.failures if failure.node)


def grouped(failures: Sequence[FailureView]) -> list[FailureGroup]:
    """Failures of the same task with the same cause and command, apart from the machine's address."""
    groups: dict[tuple[object, ...], list[FailureView]] = {}
    for failure in failures:
        groups.setdefault(_cause(failure), []).append(failure)
    return [FailureGroup(tuple(group)) for group in groups.values()]


def _cause(failure: FailureView) -> tuple[object, ...]:
    def without_machine(text: str) -> str:
        return text.replace(failure.node, _MACHINE) if failure.node else text

    texts = (failure.title, failure.detail, failure.command)
    return (failure.name, failure.command_exit_code, *map(without_machine, texts))


def is_login_problem(failure: FailureView) -> bool:
    """Whether the machine could not be reached or did not let us in: other login settings may help."""
    return bool(failure.node) and failure.exit_code == ExitCode.UNREACHABLE

"""What a check found, and the two shapes of a check: about each machine by itself, or about all of them together."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from tke_tui.core.context import Context
from tke_tui.core.errors import TkeError, Unreachable
from tke_tui.core.node import Node

Severity = Literal["error", "warning", "ok", "ignored"]

UNREACHABLE = "SSH"
"""Check name of machines that cannot be logged in to; it cannot be ignored."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check on one machine (`node` "" = the installer host or the cluster as a whole)."""

    check: str
    node: str
    severity: Severity
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for people, in the original's manner: `10.0.0.1 [ERROR Port-6443]: …; fix`."""
        where = f"{self.node} " if self.node else ""
        remedy = f" Fix: {self.fix}" if self.fix else ""
        return f"{where}[{self.severity.upper()} {self.check}]: {self.message}.{remedy}"


class Probe(ABC):
    """One check. `name` is how findings are called and ignored.

    One with several objects adds `-<object>` and lists these names in `checks`; `*` at an end stands for any text.
    The name alone then is that of the finding that the check cannot be done.
    """

    name: ClassVar[str]
    checks: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        """Look, change nothing. `nodes` are the machines that could be reached, in the input's order."""

    def ok(self, node: str, message: str = "", *, check: str = "") -> Finding:
        return Finding(check or self.name, node, "ok", message)

    def warning(self, node: str, message: str, fix: str, *, check: str = "") -> Finding:
        return Finding(check or self.name, node, "warning", message, fix)

    def error(self, node: str, message: str, fix: str, *, check: str = "") -> Finding:
        return Finding(check or self.name, node, "error", message, fix)


class NodeProbe(Probe):
    """A check of each machine by itself, all at once."""

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        found = await asyncio.gather(*(self._guarded(ctx, node) for node in nodes))
        return [finding for each in found for finding in each]

    @abstractmethod
    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        """Findings about one machine. A `TkeError` becomes a finding."""

    async def _guarded(self, ctx: Context, node: Node) -> list[Finding]:
        try:
            return await self.examine(ctx, node)
        except Unreachable as error:
            return [unreachable(node.name, error)]
        except TkeError as error:
            return [self.error(node.name, f"cannot be checked: {error.title}; {error.detail}", error.fix)]


def unreachable(node: str, error: TkeError) -> Finding:
    detail = f": {error.detail}" if error.detail else ""
    return Finding(UNREACHABLE, node, "error", f"{error.title}{detail}", error.fix)


def installed_by_us(ctx: Context, node: Node) -> bool:
    """True when this installation already worked on the machine: what it made there is no leftover of another."""
    return ctx.services.finished("EnsureKubelet", node.name)

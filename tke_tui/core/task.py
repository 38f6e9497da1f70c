"""The contract of a unit of work: what it is called, where it runs, what it needs, how it is done.

A *step* belongs to the installer, a *handler* to the cluster. Both are tasks; a plan expands them into
(task, node) pairs. One class per file, named like the original's.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.errors import WouldChange

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class Scope(enum.Enum):
    """On which machines a task runs: each of them, the first, all but the first, or none (once, for the cluster)."""

    ALL = "all"
    FIRST = "first"
    REST = "rest"
    CLUSTER = "cluster"


class On(enum.Enum):
    """Which tasks of a needed handler must have ended: on the same node, on every node, on the first node, or on
    the machine that the installer itself runs on (none of them when it runs elsewhere)."""

    SAME = "same"
    EVERY = "every"
    FIRST = "first"
    INSTALLER = "installer"


@dataclass(frozen=True, slots=True)
class Need:
    """A true dependency on another step or handler, by name. A cluster-scoped one has a single task: `on` is moot."""

    task: str
    on: On = On.SAME


class Task(ABC):
    """One step or handler.

    Class attributes to set: `name` (the original's exact name), `title` (a short sentence in the imperative),
    `scope`, `needs`. Node-scoped handlers also wait for the handler before them on the same node, unless
    `chained = False`. `serial` makes a node wait for the same handler on the machine before it in the input.
    `attempts` bounds the automatic retries of `retryable` errors; `skippable` says whether a person may go on
    without it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = ()
    chained: ClassVar[bool] = True
    serial: ClassVar[bool] = False
    attempts: ClassVar[int] = 3
    skippable: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    """Fields of `Options` that decide the result as `inputs` does."""
    logins: ClassVar[bool] = False
    """Whether the machines' logins decide the result, too: it is repeated when any of them changed."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that skipSteps accepts for this task."""

    def left_out(self, para: CreateClusterPara) -> str | None:
        """Why this task has no place in the plan of this input (a sentence), or None when it belongs there."""
        return None

    def machines(self, para: CreateClusterPara) -> list[Machine]:
        """The machines it runs on; empty for cluster scope. Override to narrow it, e.g. to labelled machines."""
        match self.scope:
            case Scope.ALL:
                return list(para.machines)
            case Scope.FIRST:
                return [para.first]
            case Scope.REST:
                return list(para.machines[1:])
            case Scope.CLUSTER:
                return []

    def needs_on(self, machine: Machine, para: CreateClusterPara) -> tuple[Need, ...]:
        """What it needs on this machine besides `needs`, where that is not the same on all of them."""
        return ()

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        """JSON-like data that decides the result, without secrets; a change of it makes a resumed run do it again.

        The machine's address is always part of the key and need not be repeated.
        """
        return {}

    @abstractmethod
    async def run(self, ctx: Context) -> None:
        """Bring the world to the wished state. Must be idempotent: the second run changes nothing."""

    async def check(self, ctx: Context) -> bool:
        """True when there is nothing to do. `ctx` is read-only: this is `run` up to its first change."""
        try:
            await self.run(ctx)
        except WouldChange:
            return False
        return True

    async def undo(self, ctx: Context) -> None:  # noqa: B027 - nothing to take back is a fair answer
        """Take back what `run` did, where that is possible; by default nothing."""

"""Work on a cluster that stands: a graph with a journal of its own, beside the installation's, under the same lock.

`operations/<name>/` in the installation directory holds the request (what was asked for), the journal and the state of
the operation of that name that is not ended. Started again it is continued: what ended well is not repeated. Once it
has ended well, the request is removed and the journal kept as `journal-<time>.jsonl`. The installation's own journal is
never written to meanwhile, so its `--resume` knows nothing of a half-done operation.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core.context import Context, Mode
from tke_tui.core.disk_errors import usable
from tke_tui.core.engine import Budgets, Engine, Listener, RunResult, stamp
from tke_tui.core.errors import StateError
from tke_tui.core.events import Notice
from tke_tui.core.installation import Installation, known_state, recall
from tke_tui.core.journal import Journal
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh_types import AskHostKey
    from tke_tui.core.graph import Graph
    from tke_tui.core.state import RunState

OPERATIONS = "operations"


@dataclass(frozen=True, slots=True)
class OperationDir(InstallDir):
    """The installation directory as an operation sees it: journal, state and request are its own."""

    name: str = ""

    @property
    def place(self) -> Path:
        return self.root / OPERATIONS / self.name

    @property
    def journal(self) -> Path:
        return self.place / "journal.jsonl"

    @property
    def state(self) -> Path:
        return self.place / "state.json"

    @property
    def request(self) -> Path:
        """What was asked for; there from the beginning of an operation until it has ended well."""
        return self.place / "request.json"

    @property
    def options(self) -> Path:
        """Bundle and choices of the operation, while there is a request."""
        return self.place / "options.json"

    def create(self) -> None:
        InstallDir.create(self)
        for path in (self.place.parent, self.place):
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)

    def set_aside(self) -> None:
        """Keep the journal under the time it ended; the next operation begins with none."""
        if self.journal.exists():
            suffix = time.strftime("%Y%m%d-%H%M%S")
            taken = self.place / f"journal-{suffix}.jsonl"
            if taken.exists():
                taken = self.place / f"journal-{suffix}-{time.time_ns()}.jsonl"
            self.journal.replace(taken)
        self.state.unlink(missing_ok=True)

    def end(self) -> None:
        """It ended well: there is nothing to continue."""
        self.request.unlink(missing_ok=True)
        self.options.unlink(missing_ok=True)
        self.set_aside()


async def _nothing() -> None:
    return None


class Operation:
    """One operation on the cluster of `installation`.

    `begin` writes the request, and is called first, under the lock; `end` is called once all of the graph ended well,
    before the operation counts as ended. `again` is the command that continues it.
    """

    def __init__(
        self,
        place: OperationDir,
        installation: Installation,
        graph: Graph,
        *,
        again: str,
        begin: Callable[[], None] = lambda: None,
        end: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self.directory = place
        self.installation = installation
        self.graph = graph
        self.again = again
        self.secrets = installation.secrets
        self.begin = begin
        self._end = end

    async def run(
        self,
        *,
        listeners: tuple[Listener, ...] = (),
        ask_host_key: AskHostKey | None = None,
        budgets: Budgets | None = None,
        started: Callable[[Engine], None] = lambda engine: None,
    ) -> RunResult:
        """Run what is left of the graph, under the directory's lock. `started` gets the engine, for `cancel`.

        Raises `StateError` when another engine works here or the directory cannot be used.
        """
        with contextlib.ExitStack() as stack:
            with usable(self.directory.root):
                stack.enter_context(DirectoryLock(self.directory.lock))
                self.directory.create()
                self.directory.sweep()
                self.begin()
                recovered, state = recall(self.directory)
                _, installed = recall(self.installation.directory)
                journal = Journal.open(self.directory.journal, last_seq=recovered.last_seq)
            logs = NodeLogs(self.directory)
            try:
                if recovered.damage:
                    text = Notice(level="warning", text=recovered.damage)
                    notice = stamp(text, journal.next_seq(), time.time())
                    await journal.append([notice])
                    for listener in listeners:
                        listener(notice)
                async with self.installation.runtime(ask_host_key) as runtime:
                    services = replace(
                        self.installation.services(runtime, state),
                        directory=self.directory,
                        finished=_either(installed, state),
                    )
                    engine = Engine(
                        self.graph, services, journal, state, logs, listeners=listeners, budgets=budgets
                    )
                    started(engine)
                    result = await engine.run()
            finally:
                logs.close()
                await journal.close()
            if result.status == "success":
                with usable(self.directory.root):
                    await self._end()
                    self.directory.end()
            return result

    async def plan(self, ask_host_key: AskHostKey | None = None) -> list[tuple[str, str, list[str]]]:
        """What it would change now, as (machine, task, sentences); the machines are only looked at.

        Raises the first error.
        """
        found: list[tuple[str, str, list[str]]] = []
        installed = known_state(self.installation.directory)
        async with self.installation.runtime(ask_host_key) as runtime:
            services = self.installation.services(runtime, installed)
            for planned in self.graph.included:
                context = Context(
                    services,
                    planned.machine,
                    Mode.PLAN,
                    emit_line=lambda node, stream, line: None,
                    emit_progress=lambda done, total, text: None,
                )
                await planned.task.run(context)
                found.append((planned.node, planned.task.name, context.changes))
        return found


def require_cluster(directory: InstallDir) -> RunState:
    """The state of an installation that has made a cluster. Raises `StateError` when it has not ended well."""
    state = known_state(directory)
    if state.status != "success":
        raise StateError(
            f"The installation in {directory.root} is not finished",
            detail="there is no complete cluster to work on",
            fix=f"Finish it first: tke-tui --resume --dir {directory.root}",
        )
    return state


def _either(installed: RunState, state: RunState) -> Callable[[str, str], bool]:
    return lambda task, node: installed.finished(task, node) or state.finished(task, node)

"""A small world for engine tests: tasks that record what they did, an installation directory, no machines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tke_tui.core.bundle import Bundle, KubernetesRelease, Manifest
from tke_tui.core.context import Context, Options, Services
from tke_tui.core.engine import Budgets, Engine, Listener, RunResult
from tke_tui.core.events import Event, TaskFailed
from tke_tui.core.graph import Graph, Listed, build_graph
from tke_tui.core.journal import Journal, recover
from tke_tui.core.model.cluster import Cluster, ClusterSpec
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir
from tke_tui.core.redact import Redactor
from tke_tui.core.secrets import SecretStore
from tke_tui.core.state import RunState, restore
from tke_tui.core.task import Need, Scope, Task

Body = Callable[[Context], Awaitable[None]]

BUNDLE = Bundle(
    Path("bundle"),
    Manifest(
        schema_version=1,
        version="v1.3.0",
        architectures=["amd64"],
        kubernetes=[KubernetesRelease(version="1.20.2", etcd="v3.4.23", coredns="1.7.0", pause="3.2")],
    ),
)


async def nothing(ctx: Context) -> None:
    return None


def task(
    task_name: str,
    body: Body = nothing,
    *,
    on: Scope = Scope.CLUSTER,
    needs: Sequence[Need] = (),
    serial: bool = False,
    chained: bool = True,
    attempts: int = 1,
    inputs: Any = None,
    left_out: str | None = None,
    options: Sequence[str] = (),
    skippable: bool = False,
) -> Task:
    """A task with this name and body."""

    class Made(Task):
        name = task_name
        title = f"do {task_name}"
        scope = on

        async def run(self, ctx: Context) -> None:
            await body(ctx)

        def left_out(self, para: CreateClusterPara) -> str | None:
            return left_out

        def inputs(self, para: Any, bundle: Any, machine: Any) -> Any:
            return inputs

    Made.needs = tuple(needs)
    Made.options = tuple(options)
    Made.serial = serial
    Made.chained = chained
    Made.attempts = attempts
    Made.skippable = skippable
    return Made()


def para_of(nodes: int) -> CreateClusterPara:
    machines = [Machine(ip=f"10.0.0.{n}") for n in range(1, nodes + 1)]
    return CreateClusterPara(cluster=Cluster(spec=ClusterSpec(machines=machines)))


class World:
    """One installation directory; `run` starts a new engine on it, as a new process would."""

    def __init__(self, root: Path, *, nodes: int = 2) -> None:
        self.directory = InstallDir(root / "installation")
        self.directory.create()
        self.para = para_of(nodes)
        self.secrets = SecretStore(self.directory.secrets, self.directory.secrets_key, Redactor())
        self.events: list[Event] = []
        self.engine: Engine | None = None
        self.options = Options()
        self.listeners: tuple[Listener, ...] = ()

    def graph(self, *tasks: Task, gates: Sequence[str] = ()) -> Graph:
        listed = [
            Listed(t, "a step", t.left_out(self.para) or "", "condition" if t.left_out(self.para) else "")
            for t in tasks
        ]
        return build_graph(listed, self.para, gates=gates)

    async def run(
        self, *tasks: Task, gates: Sequence[str] = (), kept: Mapping[str, TaskFailed] | None = None
    ) -> RunResult:
        self.events = []
        recovered = recover(self.directory.journal)
        state = restore(RunState.load(self.directory.state), recovered.events)
        journal = Journal.open(self.directory.journal, last_seq=recovered.last_seq)
        logs = NodeLogs(self.directory)
        self.engine = Engine(
            self.graph(*tasks, gates=gates),
            self.services(state),
            journal,
            state,
            logs,
            listeners=(self.events.append, *self.listeners),
            kept=kept,
            budgets=Budgets(retry_delay=0.001, retry_delay_max=0.002),
        )
        try:
            return await self.engine.run()
        finally:
            logs.close()
            await journal.close()

    def services(self, state: RunState) -> Services:
        async def absent(*args: object) -> Any:
            raise AssertionError("this world has no machines and no servers")

        return Services(
            self.para,
            BUNDLE,
            self.directory,
            self.secrets,
            self.options,
            connect=absent,
            docker=absent,
            registry=absent,
            kube=absent,
            finished=state.finished,
        )

    def kinds(self, kind: str) -> list[str]:
        """Task ids of the events of one kind, in order."""
        return [getattr(event, "task", "") for event in self.events if event.kind == kind]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - any condition, not an event of ours
            await asyncio.sleep(0)

"""From tasks to a graph: which (task, node) pairs there are, and what each of them truly waits for."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tke_tui.core.installer_host import is_own_address
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Options
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


@dataclass(slots=True)
class PlannedTask:
    """One task on one machine. `left_out` is the sentence why it will not run ("" = it will), `by` who said so."""

    task: Task
    step: str
    machine: Machine | None
    needs: frozenset[str] = frozenset()
    left_out: str = ""
    by: str = ""
    logins: str = ""
    """What stands for the machines' logins in the key, where they matter to the task; no secret."""
    _key: str = ""

    @property
    def node(self) -> str:
        return "" if self.machine is None else str(self.machine.ip)

    @property
    def id(self) -> str:
        return f"{self.task.name}@{self.node}" if self.machine is not None else self.task.name

    def key(self, para: CreateClusterPara, bundle: Bundle, options: Options) -> str:
        """Task id + hash of the inputs that matter to it: equal keys need no second run. Computed once.

        Raises `BundleError` when the bundle lacks what the task is about.
        """
        if not self._key:
            inputs = self.task.inputs(para, bundle, self.machine)
            if self.task.options:
                inputs = [inputs, {name: getattr(options, name) for name in self.task.options}]
            if self.task.logins:
                inputs = [inputs, self.logins]
            canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False, default=str)
            digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
            self._key = f"{self.id}#{digest[:16]}"
        return self._key


@dataclass(frozen=True, slots=True)
class Listed:
    """A task in the ordered list: the step it belongs to, and why it is left out of this plan, if it is.

    `closes` names further tasks it waits for on every machine: a step that is made of handlers ends after all of them.
    """

    task: Task
    step: str
    left_out: str = ""
    by: str = ""
    closes: tuple[str, ...] = ()


@dataclass(slots=True)
class Graph:
    """Tasks in the order of the list; every id in `needs` is in `tasks`."""

    tasks: dict[str, PlannedTask] = field(default_factory=dict)

    def __iter__(self) -> Iterator[PlannedTask]:
        return iter(self.tasks.values())

    def __getitem__(self, task_id: str) -> PlannedTask:
        return self.tasks[task_id]

    @property
    def included(self) -> list[PlannedTask]:
        return [planned for planned in self.tasks.values() if not planned.left_out]


def build_graph(
    listed: Sequence[Listed], para: CreateClusterPara, *, gates: Sequence[str] = (), logins: str = ""
) -> Graph:
    """Expand an ordered list of tasks into a graph.

    - A node-scoped task waits for the one before it on the same machine (unless it is not `chained`).
    - What a task needs on this machine only (`needs_on`) counts like its `needs`.
    - A `serial` task also waits for itself on the machine before, and through that for what it needs on every machine.
    - A need on a task that is left out passes on to what that one needed.
    - Tasks named in `gates` come first, one after the other; all others wait for the last of them.

    `logins` changes with any login of a machine (`core.logins.mark_of`).
    """
    return _Builder(listed, para, gates, logins).build()


class _Builder:
    def __init__(
        self, listed: Sequence[Listed], para: CreateClusterPara, gates: Sequence[str], logins: str
    ) -> None:
        self.logins = logins
        self.listed = {entry.task.name: entry for entry in listed}
        self.para = para
        self.machines = {entry.task.name: _machines(entry, para) for entry in listed}
        self.positions = {
            name: {str(machine.ip): number for number, machine in enumerate(machines)}
            for name, machines in self.machines.items()
        }
        self.gates = [name for name in gates if name in self.listed and not self.listed[name].left_out]
        self.chain: dict[str, str] = {}
        self._installer: list[str] | None = None

    def build(self) -> Graph:
        graph = Graph()
        for entry in self.listed.values():
            for machine in self._targets(entry):
                planned = PlannedTask(entry.task, entry.step, machine, left_out=entry.left_out, by=entry.by)
                planned.logins = self.logins if entry.task.logins else ""
                if not entry.left_out:
                    planned.needs = frozenset(self._needs(entry, machine) - {planned.id})
                    if machine is not None and entry.task.chained:
                        self.chain[planned.node] = planned.id
                graph.tasks[planned.id] = planned
        _refuse_cycles(graph)
        return graph

    def _targets(self, entry: Listed) -> list[Machine] | list[None]:
        if entry.task.scope is Scope.CLUSTER:
            return [None]
        if entry.left_out:
            return [None]
        return self.machines[entry.task.name]

    def _needs(self, entry: Listed, machine: Machine | None) -> set[str]:
        task = entry.task
        found: set[str] = set()
        node = "" if machine is None else str(machine.ip)
        if machine is not None and task.chained and node in self.chain:
            found.add(self.chain[node])
        follows = 0 if machine is None or not task.serial else self.positions[task.name][node]
        if follows:
            found.add(f"{task.name}@{self.machines[task.name][follows - 1].ip}")
        for need in self._declared(task, machine):
            if not (follows and need.on is On.EVERY and self._is_in(need.task)):
                found |= self._resolve(need.task, need.on, machine, frozenset({task.name}))
        for name in entry.closes:
            found |= self._resolve(name, On.EVERY, None, frozenset({task.name}))
        if task.name in self.gates:
            earlier = self.gates[: self.gates.index(task.name)]
        else:
            earlier = self.gates
        if earlier and not found:
            found |= self._ids(earlier[-1])
        return found

    def _is_in(self, name: str) -> bool:
        return name in self.listed and not self.listed[name].left_out

    def _resolve(self, name: str, on: On, machine: Machine | None, seen: frozenset[str]) -> set[str]:
        entry = self.listed.get(name)
        if entry is None:
            raise KeyError(f"{name} is needed but not in the list")
        if on is On.INSTALLER and not self.installer:
            return set()
        if not entry.left_out and (ids := self._select(name, on, machine)):
            return ids
        found: set[str] = set()
        if name not in seen:
            for need in self._declared(entry.task, machine):
                found |= self._resolve(need.task, need.on, machine, seen | {name})
        return found

    def _declared(self, task: Task, machine: Machine | None) -> tuple[Need, ...]:
        return task.needs if machine is None else (*task.needs, *task.needs_on(machine, self.para))

    @property
    def installer(self) -> list[str]:
        """Addresses of the machine of the input that is this host; most often none."""
        if self._installer is None:
            addresses = (str(machine.ip) for machine in self.para.machines)
            self._installer = [address for address in addresses if is_own_address(address)]
        return self._installer

    def _select(self, name: str, on: On, machine: Machine | None) -> set[str]:
        if self.listed[name].task.scope is Scope.CLUSTER:
            return {name}
        there = self.positions[name]
        if on is On.INSTALLER:
            return {f"{name}@{ip}" for ip in self.installer if ip in there}
        if on is On.FIRST or (on is On.SAME and machine is not None):
            ip = str(self.para.first.ip if on is On.FIRST or machine is None else machine.ip)
            return {f"{name}@{ip}"} if ip in there else set()
        return {f"{name}@{ip}" for ip in there}

    def _ids(self, name: str) -> set[str]:
        return self._select(name, On.EVERY, None)


def _machines(entry: Listed, para: CreateClusterPara) -> list[Machine]:
    return [] if entry.left_out else entry.task.machines(para)


def _refuse_cycles(graph: Graph) -> None:
    waiting = {task_id: len(planned.needs) for task_id, planned in graph.tasks.items()}
    dependents: dict[str, list[str]] = defaultdict(list)
    for task_id, planned in graph.tasks.items():
        for need in planned.needs:
            dependents[need].append(task_id)
    ready = [task_id for task_id, needs in waiting.items() if not needs]
    while ready:
        task_id = ready.pop()
        del waiting[task_id]
        for dependent in dependents[task_id]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                ready.append(dependent)
    if waiting:
        raise ValueError(f"tasks wait for each other or for unknown ones: {sorted(waiting)[:5]}")

"""A world for contract tests: a small real bundle, model machines, and contexts in every mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tke_tui.core.adapters.ssh import Connection
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Context, Mode, Options, Services
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.redact import Redactor
from tke_tui.core.secrets import SecretStore
from tke_tui.core.task import Scope, Task
from tke_tui.lab.bundle import KUBERNETES
from tke_tui.lab.machine import ModelMachine


def make_para(count: int = 1, **spec: Any) -> CreateClusterPara:
    """A complete input for machines 10.0.0.1 … with the built-in registry; `spec` keys as in documents."""
    document: dict[str, Any] = {
        "cluster": {
            "spec": {
                "version": KUBERNETES,
                "machines": [{"ip": f"127.0.0.{n}", "username": "root"} for n in range(1, count + 1)],
                **spec,
            }
        },
        "Config": {"auth": {"tke": {}}, "registry": {"tke": {}}},
    }
    return apply_defaults(CreateClusterPara.model_validate(document), (KUBERNETES,))


@dataclass
class World:
    """Everything a task may ask for. `done` holds the (task, node) pairs that ended well before."""

    base: Path
    bundle: Bundle
    para: CreateClusterPara
    options: Options = field(default_factory=Options)
    done: set[tuple[str, str]] = field(default_factory=set)
    machines: dict[str, ModelMachine] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    down: dict[str, Exception] = field(default_factory=dict)
    adapters: dict[str, Any] = field(default_factory=dict)
    """What `docker`, `registry` and `kube` of a context give; one that is absent must not be asked for."""

    def __post_init__(self) -> None:
        self.directory = InstallDir(self.base / "install")
        self.directory.create()
        self.secrets = SecretStore(self.directory.secrets, self.directory.secrets_key, Redactor())
        for machine in self.para.machines:
            self.add_machine(machine.ip)

    def add_machine(self, address: str) -> ModelMachine:
        root = self.base / "machines" / address
        root.mkdir(parents=True)
        self.machines[address] = ModelMachine(root, address)
        return self.machines[address]

    @property
    def first(self) -> ModelMachine:
        return self.machines[self.para.first.ip]

    async def _connect(self, machine: Machine) -> Connection:
        if machine.ip in self.down:
            raise self.down[machine.ip]
        return self.machines[machine.ip].connection()

    async def _adapter(self, name: str) -> Any:
        if name not in self.adapters:
            raise AssertionError(f"this task has no business with {name}")
        return self.adapters[name]

    def services(self) -> Services:
        return Services(
            para=self.para,
            bundle=self.bundle,
            directory=self.directory,
            secrets=self.secrets,
            options=self.options,
            connect=self._connect,
            docker=partial(self._adapter, "docker"),
            registry=partial(self._adapter, "registry"),
            kube=partial(self._adapter, "kube"),
            finished=lambda task, node: (task, node) in self.done,
        )

    def context(self, task: Task, mode: Mode = Mode.RUN, machine: Machine | None = None) -> Context:
        """A context for `task` on `machine`, by default the first one it runs on."""
        if machine is None and task.scope is not Scope.CLUSTER:
            machine = task.machines(self.para)[0]
        return Context(
            services=self.services(),
            machine=machine,
            mode=mode,
            emit_line=lambda node, stream, line: self.lines.append((node, stream, line)),
            emit_progress=lambda done, total, text: None,
        )

    async def run(self, task: Task, mode: Mode = Mode.RUN) -> Context:
        """Run a task on its first machine; the context tells what changed."""
        context = self.context(task, mode)
        await task.run(context)
        return context

    def logged(self) -> str:
        return "\n".join(line for _, _, line in self.lines)

    def fill(self, files: Mapping[str, str]) -> None:
        """Put files on the first machine."""
        for path, content in files.items():
            self.first.put(path, content)

"""What a task gets to work with: the input, the machines, the adapters, the secrets, the gate before each change."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core.errors import WouldChange
from tke_tui.core.forwards import Forwards
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.node import Node

if TYPE_CHECKING:
    from tke_tui.core.adapters.docker import DockerClient
    from tke_tui.core.adapters.kube import KubeClient
    from tke_tui.core.adapters.registry import RegistryClient
    from tke_tui.core.adapters.ssh import Connection
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.paths import InstallDir
    from tke_tui.core.secrets import SecretStore


class Mode(enum.Enum):
    """RUN changes the world, CHECK raises `WouldChange` at the first change, PLAN writes changes down and goes on."""

    RUN = "run"
    CHECK = "check"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of this run that are not part of the input document."""

    replicas: int = 2
    sync_projects_with_namespaces: bool = False
    ignore_preflight: frozenset[str] = frozenset()
    hosts_file: Path = Path("/etc/hosts")
    """The installer host's own hosts file, where the registry's name is entered."""
    docker_socket: str = "unix:///var/run/docker.sock"
    registry_http_port: int = 80
    registry_https_port: int = 443
    """Ports of the installer's own registry on this host."""
    gateway_port: int = 443
    """Port of the platform's gateway on the machines; behind it is the platform's registry."""
    docker_certs_dir: Path = Path("/etc/docker/certs.d")
    """Where Docker on this host looks for the CAs of registries."""
    forwards: Forwards = field(default_factory=Forwards)
    """How this host reaches API servers and the gateway that it cannot connect to directly."""
    pushes_at_once: int = 4
    uploads_at_once: int = 4


@dataclass(slots=True)
class Services:
    """The engine's side of a context: one object per run, shared by all tasks."""

    para: CreateClusterPara
    bundle: Bundle
    directory: InstallDir
    secrets: SecretStore
    options: Options
    connect: Callable[[Machine], Awaitable[Connection]]
    docker: Callable[[], Awaitable[DockerClient]]
    registry: Callable[[], Awaitable[RegistryClient]]
    """Client of the effective registry (the installer's local one, or the third-party one)."""
    kube: Callable[[], Awaitable[KubeClient]]
    """Client of the new cluster through the first machine's API server, admin rights."""
    finished: Callable[[str, str], bool]
    """finished(task name, node) is True when that task ever ended well on that node in this installation."""


@dataclass
class Context:
    """One task at work on one machine (`machine` is None for cluster scope)."""

    services: Services
    machine: Machine | None
    mode: Mode
    emit_line: Callable[[str, str, str], None]
    """emit_line(node, stream, line) logs one line; stream is stdout, stderr or note."""
    emit_progress: Callable[[int, int, str], None]
    changes: list[str] = field(default_factory=list)

    @property
    def para(self) -> CreateClusterPara:
        return self.services.para

    @property
    def bundle(self) -> Bundle:
        return self.services.bundle

    @property
    def directory(self) -> InstallDir:
        return self.services.directory

    @property
    def secrets(self) -> SecretStore:
        return self.services.secrets

    @property
    def options(self) -> Options:
        return self.services.options

    @cached_property
    def network(self) -> ClusterNetwork:
        """Service CIDR, node mask and the fixed service addresses derived from the input."""
        return ClusterNetwork.from_spec(self.para.cluster.spec)

    @cached_property
    def node(self) -> Node:
        """The machine this task runs on; a cluster-scoped task has none and must use `on`."""
        if self.machine is None:
            raise RuntimeError("a cluster-scoped task has no node of its own")
        return self.on(self.machine)

    def on(self, machine: Machine) -> Node:
        """Handle on any machine of the input."""
        address = str(machine.ip)
        return Node(
            machine,
            lambda: self.services.connect(machine),
            self.mutate,
            lambda stream, line: self.emit_line(address, stream, line),
        )

    async def docker(self) -> DockerClient:
        """Docker of the installer host. Its changing methods must stand behind `mutate`."""
        return await self.services.docker()

    async def registry(self) -> RegistryClient:
        return await self.services.registry()

    async def kube(self) -> KubeClient:
        return await self.services.kube()

    def mutate(self, what: str) -> bool:
        """The gate before each change; `what` says it in a few words. True = do it, False = only planned."""
        if self.mode is Mode.CHECK:
            raise WouldChange(what)
        self.changes.append(what)
        self.log(what if self.mode is Mode.RUN else f"would {what}", stream="note")
        return self.mode is Mode.RUN

    def log(self, line: str, *, stream: str = "note") -> None:
        """Write one line to the log of this task's machine."""
        self.emit_line("" if self.machine is None else str(self.machine.ip), stream, line)

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Tell how far the task is: `done` of `total` (0 = unknown), `text` e.g. `images pushed`."""
        self.emit_progress(done, total, text)

    def finished(self, task: str) -> bool:
        """True when `task` ever ended well on this task's machine in this installation (also in an earlier run)."""
        return self.services.finished(task, "" if self.machine is None else str(self.machine.ip))

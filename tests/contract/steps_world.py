"""The world of the installer's steps: a bundle with images and hooks, an engine, a registry, a Kubernetes API."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.contract.world import World, make_para
from tke_tui.core.adapters.docker import DockerClient
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Context, Mode, Options, Services
from tke_tui.core.images import local_name
from tke_tui.core.model.config import ThirdPartyRegistry
from tke_tui.core.model.fields import reveal, secret
from tke_tui.core.task import Task
from tke_tui.lab.bundle import add_images, make_packages
from tke_tui.lab.docker.archive import SavedImage
from tke_tui.lab.docker.server import DockerServer
from tke_tui.lab.kube.server import KubeServer
from tke_tui.lab.registry import RegistryServer

IMAGES = ("etcd-amd64:v3.4.23", "etcd-arm64:v3.4.23", "gpu-manager:v1", "registry-amd64:2.8.1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class StepWorld(World):
    """`engine` and `api` are the servers; clients are made once and closed with the world."""

    engine: DockerServer = field(kw_only=True)
    api: KubeServer = field(kw_only=True)
    images: list[SavedImage] = field(kw_only=True)
    home: Path = field(kw_only=True)
    third_party: RegistryServer | None = None
    progress: list[tuple[int, int, str]] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None
    """Called at each question to the gate, before its answer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._docker = DockerClient(self.engine.url)
        self._spare: DockerClient | None = None
        self._other_kube: KubeClient | None = None
        self._registry: RegistryClient | None = None
        self._kube = KubeClient(self.api.url, self.api.ca_pem, token=self.api.token)
        self.secrets.update({"cluster/token": "token-1234567", "cluster/ca.crt": self.api.ca_pem})

    async def close(self) -> None:
        for client in (self._docker, self._spare, self._registry, self._kube):
            if client is not None:
                await client.close()

    def use_docker(self, client: DockerClient) -> None:
        """Work with another daemon than the stand-in."""
        self._spare, self._docker = self._docker, client

    async def docker(self) -> DockerClient:
        return self._docker

    async def registry(self) -> RegistryClient:
        if self._registry is None:
            given = self.para.config.registry.third_party
            if given is None:
                self._registry = RegistryClient(f"http://127.0.0.1:{self.options.registry_http_port}")
            else:
                self._registry = RegistryClient(
                    f"https://{given.domain}", username=given.username, password=reveal(given.password)
                )
        return self._registry

    def use_kube(self, client: KubeClient) -> None:
        """Work with another API server than the stand-in; whoever made the client closes it."""
        self._other_kube = client

    async def kube(self) -> KubeClient:
        return self._other_kube or self._kube

    def services(self) -> Services:
        return replace(super().services(), docker=self.docker, registry=self.registry, kube=self.kube)

    def context(self, task: Task, mode: Mode = Mode.RUN, machine: object = None) -> Context:
        context = super().context(task, mode)
        mutate = context.mutate

        def gate(what: str) -> bool:
            self.on_change()
            return mutate(what)

        context.mutate = gate  # type: ignore[method-assign]
        context.emit_progress = lambda done, total, text: self.progress.append((done, total, text))
        return context

    def snapshot(self) -> tuple[object, ...]:
        """Everything a step may change: files, the engine's store and containers, the registry's content."""
        files = {
            str(path): path.read_bytes()
            for base in (self.directory.root, self.home, self.options.hosts_file.parent, self.bundle.root)
            for path in sorted(base.rglob("*"))
            if path.is_file()
        }
        stored = {key: body for key, (_, body) in self.engine.storage.manifests.items()}
        if self.third_party is not None:
            stored |= {key: body for key, (_, body) in self.third_party.manifests.items()}
        containers = {name: row["State"]["Running"] for name, row in self.engine.containers.items()}
        machines = [machine.tree() for machine in self.machines.values()]
        pulled = [sorted(machine.facts.get("images", ())) for machine in self.machines.values()]
        return files, dict(self.engine.tags), containers, stored, machines, pulled, self.api.store.version

    # --- states to begin with --------------------------------------------------------------------------------------

    def load(self) -> None:
        """As after Load images."""
        for image in self.images:
            entry = image.tags[0].removeprefix("tkestack/")
            self.engine.add(image, local_name(self.para.registry_prefix, entry))

    async def start_registry(self) -> None:
        """As after Setup local registry: the engine's registry answers on the HTTP port."""
        self.engine.storage.port = self.options.registry_http_port
        await self.engine.storage.start()

    async def use_third_party(self, server: RegistryServer, *, password: str = "") -> None:
        self.third_party = await server.start()
        self.para.config.registry.third_party = ThirdPartyRegistry(
            domain=server.host,
            namespace="mirror",
            username=server.username,
            password=secret(password or server.password),
        )

    async def use_gateway(self, server: RegistryServer) -> None:
        """The platform's registry behind the gateway; Docker and the installer reach it under its name."""
        self.third_party = await server.start()
        self.options = replace(self.options, gateway_port=server.port)
        self.engine.hosts[f"{self.para.registry_domain}:{server.port}"] = "127.0.0.1"

    async def nodes_ready(self) -> None:
        for machine in self.para.machines:
            await self.api.put(
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {"name": machine.ip},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                }
            )

    def hook(self, name: str, text: str, *, mode: int = 0o755) -> Path:
        path = self.bundle.hook(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path


@asynccontextmanager
async def step_world(base: Path, home: Path) -> AsyncIterator[StepWorld]:
    (base / "bundle").mkdir()
    (base / "etc").mkdir()
    (base / "etc" / "hosts").write_text("127.0.0.1 localhost\n10.9.9.9 registry.tke.com.cn\n")
    bundle = make_packages(base / "bundle")
    images = add_images(bundle, IMAGES)
    certificates = base / "etc" / "docker" / "certs.d"
    engine = await DockerServer(base / "docker.sock", certificates=certificates).start()
    async with KubeServer() as api:
        world = StepWorld(
            base,
            Bundle.open(bundle.root),
            make_para(2),
            Options(
                hosts_file=base / "etc" / "hosts",
                docker_socket=engine.url,
                registry_http_port=free_port(),
                registry_https_port=free_port(),
                docker_certs_dir=certificates,
            ),
            engine=engine,
            api=api,
            images=images,
            home=home,
        )
        try:
            yield world
        finally:
            await world.close()
            await engine.storage.stop()
            if world.third_party is not None:
                await world.third_party.stop()
            await engine.stop()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False

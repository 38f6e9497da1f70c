"""A world for contract tests: a small real bundle, model machines, and contexts in every mode."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
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
from tke_tui.lab.machine import ModelMachine

KUBERNETES = "1.20.2"

PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "docker": (
        "20.10.24",
        tuple(f"docker/{n}" for n in ("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "runc")),
    ),
    "kubernetes-node": (f"v{KUBERNETES}", ("kubernetes/node/bin/kubelet", "kubernetes/node/bin/kubectl")),
    "kubeadm": (f"v{KUBERNETES}", ("kubeadm",)),
    "cni-plugins": ("v1.1.1", ("bridge", "host-local", "loopback", "portmap")),
    "conntrack-tools": ("1.4.7", ("usr/sbin/conntrack",)),
    "NVIDIA": ("440.31", ("NVIDIA.run",)),
    "nvidia-container-runtime": (
        "3.1.4",
        ("usr/bin/nvidia-container-runtime", "usr/bin/nvidia-container-toolkit"),
    ),
}
IMAGE_TAGS = {
    "registry": "2.8.1",
    "keepalived": "2.2.7",
    "galaxy": "v1.0.4",
    "flannel": "v0.10.0",
    "busybox": "1.31.1",
    "metrics-server": "v0.3.6",
    "addon-resizer": "1.8.11",
}


def make_bundle(root: Path, *, architectures: tuple[str, ...] = ("amd64",)) -> Bundle:
    """A bundle directory whose packages hold tiny files in the real layout."""
    files: dict[str, dict[str, Any]] = {}
    for arch in architectures:
        for name, (version, members) in PACKAGES.items():
            relative = f"res/linux-{arch}/{name}-linux-{arch}-{version}.tar.gz"
            data = _tarball(members, f"{name} {version} {arch}")
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
            (root / relative).write_bytes(data)
            files[relative] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest = {
        "schema": 1,
        "version": "v1.3.0",
        "architectures": list(architectures),
        "kubernetes": [{"version": KUBERNETES, "etcd": "v3.4.23", "coredns": "1.7.0", "pause": "3.2"}],
        "images": IMAGE_TAGS,
        "packages": {name: version for name, (version, _) in PACKAGES.items()},
        "contents": [],
        "files": files,
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    return Bundle.open(root)


def _tarball(members: tuple[str, ...], content: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in members:
            info = tarfile.TarInfo(name)
            data = f"{name} of {content}\n".encode()
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


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

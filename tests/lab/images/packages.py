"""The bundle's package tarballs, ``res/linux-amd64/<name>-linux-amd64-<version>.tar.gz``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.lab.images.pool import LIBRARY_DIRECTORY, Pool
from tests.lab.images.tree import Tree, gzip_writer
from tests.lab.settings import KUBERNETES_VERSION, LabError
from tests.lab.shell import cached, fingerprint, stage

ARCHITECTURE = "amd64"
DEBIAN_PACKAGES = (
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "docker.io",
    "libc6",
    "libmnl0",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "runc",
    "tini",
)
_DOCKER = {
    "containerd": "usr/bin/containerd",
    "containerd-shim": "usr/bin/containerd-shim",
    "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
    "ctr": "usr/bin/ctr",
    "docker": "usr/bin/docker",
    "docker-init": "usr/bin/tini-static",
    "docker-proxy": "usr/sbin/docker-proxy",
    "dockerd": "usr/sbin/dockerd",
    "runc": "usr/sbin/runc",
}
_NODE_BINARIES = ("kubelet", "kubectl", "kubeadm", "kube-proxy")
_PLUGINS = "usr/lib/cni"
# The C library and its loader are the machine's own; a tarball that brings them along would break the machine.
_MACHINES_OWN = "libc6"


@dataclass(frozen=True)
class PackageTarball:
    """One tarball: what goes in, and the key that says when it must be made again."""

    name: str
    version: str
    key: str
    fill: Callable[[Tree], None]
    parents: bool = False

    @property
    def path(self) -> str:
        """Place in the bundle."""
        return f"res/linux-{ARCHITECTURE}/{self.name}-linux-{ARCHITECTURE}-{self.version}.tar.gz"

    def build(self, bundle: Path, keys: Path) -> None:
        """Write the tarball below ``bundle`` unless the one made of the same things is there."""
        target, marker = bundle / self.path, keys / f"{self.name}.key"
        if target.exists() and marker.exists() and marker.read_text() == self.key:
            cached(f"package {self.name}")
            return
        with stage(f"package {self.name}"):
            tree = Tree()
            self.fill(tree)
            with gzip_writer(target) as sink:
                tree.write(sink, parents=self.parents)
            keys.mkdir(parents=True, exist_ok=True)
            marker.write_text(self.key)


def package_tarballs(pool: Pool, binaries: Path) -> list[PackageTarball]:
    """All package tarballs. ``pool`` holds DEBIAN_PACKAGES, ``binaries`` the Kubernetes programs."""
    code = [Path(__file__), Path(__file__).with_name("tree.py")]
    debian = fingerprint(pool.identity(DEBIAN_PACKAGES), *code)
    kubernetes = fingerprint(binaries / ".key", KUBERNETES_VERSION, *code)
    return [
        PackageTarball("docker", pool.version("docker.io"), debian, partial(_docker, pool)),
        PackageTarball(
            "kubernetes-node",
            KUBERNETES_VERSION,
            kubernetes,
            partial(_programs, {f"kubernetes/node/bin/{name}": binaries / name for name in _NODE_BINARIES}),
        ),
        PackageTarball(
            "kubeadm", KUBERNETES_VERSION, kubernetes, partial(_programs, {"kubeadm": binaries / "kubeadm"})
        ),
        PackageTarball(
            "cni-plugins",
            f"v{pool.version('containernetworking-plugins')}",
            debian,
            partial(_plugins, pool),
        ),
        PackageTarball("conntrack-tools", pool.version("conntrack"), debian, partial(_conntrack, pool)),
    ]


def _programs(programs: Mapping[str, Path], tree: Tree) -> None:
    for place, source in programs.items():
        tree.file(place, source)


def _docker(pool: Pool, tree: Tree) -> None:
    _programs({f"docker/{name}": pool.get(path) for name, path in _DOCKER.items()}, tree)


def _plugins(pool: Pool, tree: Tree) -> None:
    plugins = [entry for entry in pool.get(_PLUGINS).iterdir() if not entry.is_dir()]
    if not plugins:
        raise LabError(
            f"containernetworking-plugins has no files in /{_PLUGINS}: the package has changed shape"
        )
    _programs({entry.name: entry for entry in plugins}, tree)


def _conntrack(pool: Pool, tree: Tree) -> None:
    program = pool.get("usr/sbin/conntrack")
    tree.file("usr/sbin/conntrack", program)
    for soname, library in pool.libraries(program).items():
        if not library.is_relative_to(pool.home / _MACHINES_OWN):
            tree.file(f"{LIBRARY_DIRECTORY}/{soname}", library, 0o644)

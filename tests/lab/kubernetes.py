"""Kubernetes binaries from Debian's source package: no upstream download can be reached from a closed network."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.lab.apt import Apt
from tests.lab.settings import KUBERNETES_VERSION, LabError, Paths
from tests.lab.shell import cached, exclusive, fingerprint, run, stage

COMMANDS = (
    "kubeadm",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubectl",
)
# The vendored copies read run-time internals that changed after Go 1.17 and crash with Debian's Go 1.19.
_REPLACED = ("github.com/modern-go/reflect2", "github.com/json-iterator/go")
_GOCODE = Path("/usr/share/gocode/src")
_TAG = "+k8s:openapi-gen="
_MODULE = "k8s.io/kubernetes"
_OPENAPI = Path("pkg/generated/openapi/zz_generated.openapi.go")
_SKIPPED = {"vendor", "_output", "_build", "third_party", "testdata", ".git", "debian"}


def linker_flags(version: str) -> str:
    """``-ldflags`` that give the binaries their version, ``v1.20.2`` style, and leave out symbol tables."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    # The API server's aggregator tells the one of client-go, and that is whom kubeadm asks before an upgrade.
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {_MODULE}/vendor/{package}.{name}={value}"
        for package in packages
        for name, value in values.items()
    ]
    return " ".join(["-s", "-w", *settings])


def openapi_packages(tree: Path) -> list[str]:
    """Import paths, relative to the tree, of the packages that ask for generated OpenAPI definitions."""
    found: set[str] = set()
    for path in _go_files(tree):
        if _TAG in path.read_text(errors="replace"):
            relative = path.parent.relative_to(tree).as_posix()
            found.add(relative.replace("staging/src/", "vendor/", 1))
    return sorted(found)


def _go_files(directory: Path) -> Iterable[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.is_symlink() or entry.name in _SKIPPED:
            continue
        if entry.is_dir():
            yield from _go_files(entry)
        elif entry.suffix == ".go" and not entry.name.startswith("zz_generated"):
            yield entry


class Kubernetes:
    """The patched source tree and the binaries built from it."""

    def __init__(self, paths: Paths, apt: Apt) -> None:
        self.paths = paths
        self.apt = apt
        self._log = paths.run / "kubernetes.log"
        self._link = paths.gopath / "src" / _MODULE
        self._env = {
            "GOPATH": str(paths.gopath),
            "GOCACHE": str(paths.go_cache),
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
            "GOFLAGS": "",
        }

    def build(self, version: str = KUBERNETES_VERSION) -> Path:
        """Directory with the binaries of COMMANDS, made when missing. Raises LabError with the log's end.

        The source is always that of KUBERNETES_VERSION; `version` is what the programs say of themselves.
        """
        with exclusive(self.paths.root / "kubernetes.lock"):
            key = fingerprint(KUBERNETES_VERSION, *_REPLACED, _TAG)
            self._tree(key)
            self._link_to(self.paths.kubernetes_source)
            return self._binaries(key, version)

    def _binaries(self, tree_key: str, version: str) -> Path:
        target = self.paths.kubernetes_programs(version)
        key = fingerprint(tree_key, linker_flags(version), *COMMANDS)
        marker = target / ".key"
        if marker.exists() and marker.read_text() == key:
            cached("kubernetes binaries")
            return target
        with stage("kubernetes binaries"):
            fresh = target.with_name("bin.new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            self._go(
                ["build", "-trimpath", "-ldflags", linker_flags(version), "-o", f"{fresh}/"]
                + [f"{_MODULE}/cmd/{name}" for name in COMMANDS]
            )
            (fresh / ".key").write_text(key)
            shutil.rmtree(target, ignore_errors=True)
            fresh.rename(target)
        return target

    def _tree(self, key: str) -> None:
        target = self.paths.kubernetes_source
        marker = target / ".lab-key"
        if marker.exists() and marker.read_text() == key:
            cached("kubernetes source")
            return
        fresh = target.with_name(f"{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        with stage("kubernetes source"):
            self._unpack(fresh)
            for module in _REPLACED:
                shutil.rmtree(fresh / "vendor" / module)
                shutil.copytree(_GOCODE / module, fresh / "vendor" / module)
        with stage("kubernetes OpenAPI definitions"):
            self._generate(fresh)
        (fresh / ".lab-key").write_text(key)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)

    def _unpack(self, tree: Path) -> None:
        downloads = self.paths.root / "src" / "debian"
        self.apt.source("kubernetes", downloads)
        archives = sorted(downloads.glob("kubernetes_*.orig.tar.*"))
        archives = [a for a in archives if not a.name.endswith(".asc")]
        if not archives:
            raise LabError(
                f"no kubernetes_*.orig.tar.* in {downloads}: Debian's source package has changed shape"
            )
        run(["tar", "-xf", archives[-1], "-C", tree, "--strip-components=1"])

    def _generate(self, tree: Path) -> None:
        self._link_to(tree)
        generator = self.paths.gopath / "bin" / "openapi-gen"
        self._go(["build", "-o", str(generator), f"{_MODULE}/vendor/k8s.io/kube-openapi/cmd/openapi-gen"])
        packages = ",".join(f"{_MODULE}/{name}" for name in openapi_packages(tree))
        run(
            [
                generator,
                "-O", "zz_generated.openapi",
                "-h", self._link / "hack/boilerplate/boilerplate.generatego.txt",
                "-p", f"{_MODULE}/pkg/generated/openapi",
                "-r", "/dev/null",
                "--output-base", self.paths.gopath / "src",
                "-i", packages,
            ],
            cwd=self._link,
            env={**self._env, "PWD": str(self._link)},
            log=self._log,
        )  # fmt: skip
        if not (tree / _OPENAPI).exists():
            raise LabError(f"openapi-gen ended well but {tree / _OPENAPI} is missing; see {self._log}")

    def _link_to(self, tree: Path) -> None:
        self._link.parent.mkdir(parents=True, exist_ok=True)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(tree)

    def _go(self, words: list[str]) -> None:
        # Go takes the working directory from PWD when it is the same place: that keeps the link's spelling.
        run(["go", *words], cwd=self._link, env={**self._env, "PWD": str(self._link)}, log=self._log)

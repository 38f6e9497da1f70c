"""Building the lab's own programs (tests/lab/standins) and the pause binary against the Kubernetes source tree."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lab.settings import LabError, Paths
from tests.lab.shell import cached, fingerprint, run, stage

SOURCES = Path(__file__).parents[1] / "standins"
_MODULE = "k8s.io/kubernetes"
_FOLDER = "lab"


class StandIns:
    """Programs built into ``<cache>/standins/bin``. Needs the unpacked Kubernetes tree with its vendor directory."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._home = paths.root / "standins"
        self._log = paths.run / "standins.log"
        self.bin = self._home / "bin"

    def build(self) -> Path:
        """Directory with every program, built when its source has changed. Raises LabError with the log's end."""
        if not (self._paths.kubernetes_source / "vendor").is_dir():
            raise LabError(f"{self._paths.kubernetes_source} has no vendor directory: build Kubernetes first")
        self.bin.mkdir(parents=True, exist_ok=True)
        self._pause()
        commands = sorted(path.parent for path in SOURCES.glob("*/main.go"))
        stale = {path.name: self._key(path) for path in commands if not self._fresh(path)}
        if not stale:
            cached("stand-ins")
            return self.bin
        with stage(f"stand-ins: {', '.join(stale)}"):
            self._go(sorted(stale))
            for name, key in stale.items():
                self._marker(name).write_text(key)
        return self.bin

    def program(self, name: str) -> Path:
        return self.bin / name

    def _key(self, command: Path) -> str:
        return fingerprint(*sorted(command.glob("*.go")))

    def _marker(self, name: str) -> Path:
        return self._home / f"{name}.key"

    def _fresh(self, command: Path) -> bool:
        marker = self._marker(command.name)
        built = marker.exists() and self.program(command.name).exists()
        return built and marker.read_text() == self._key(command)

    def _go(self, names: list[str]) -> None:
        # A GOPATH of its own whose k8s.io/kubernetes has only the vendor directory and our programs: import paths
        # are those of the Kubernetes build, so its compiled libraries in the Go cache serve here too.
        root = self._home / "gopath"
        module = root / "src" / _MODULE
        shutil.rmtree(module, ignore_errors=True)
        module.mkdir(parents=True)
        (module / "vendor").symlink_to(self._paths.kubernetes_source / "vendor")
        (module / _FOLDER).symlink_to(SOURCES)
        run(
            ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", f"{self.bin}/"]
            + [f"{_MODULE}/{_FOLDER}/{name}" for name in names],
            cwd=module,
            env={
                "GOPATH": str(root),
                "GOCACHE": str(self._paths.go_cache),
                "GO111MODULE": "off",
                "CGO_ENABLED": "0",
                "GOFLAGS": "",
                "PWD": str(module),
            },
            log=self._log,
        )

    def _pause(self) -> None:
        source = self._paths.kubernetes_source / "build" / "pause" / "linux" / "pause.c"
        flags = ["-Os", "-Wall", "-static", "-s", "-DVERSION=3.2"]
        key = fingerprint(source, *flags)
        marker = self._marker("pause")
        if marker.exists() and marker.read_text() == key and self.program("pause").exists():
            return
        with stage("pause"):
            run(["gcc", *flags, "-o", self.program("pause"), source], log=self._log)
            marker.write_text(key)

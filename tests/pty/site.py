"""An installation for terminals to look at: three machines that do not exist, a real engine process, gates to open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.core.test_bundle import make as make_bundle
from tests.pty.plan import GATES
from tests.pty.terminal import Terminal
from tke_tui.core.lock import holder_of
from tke_tui.core.paths import InstallDir

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ha-keepalived.json"


class Site:
    """Everything below one directory: `home`, `bundle`, `document`, the installation in `directory`, `gates`."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.home.mkdir()
        self.bundle = make_bundle(root / "bundle")
        self.document = root / "tke.json"
        self.document.write_text(EXAMPLE.read_text())
        self.directory = InstallDir(root / "site")
        self.gates = root / "gates"
        self.gates.mkdir()

    @property
    def nodes(self) -> list[str]:
        content = json.loads(self.document.read_text())
        return [machine["ip"] for machine in content["cluster"]["spec"]["machines"]]

    @property
    def environ(self) -> dict[str, str]:
        path = f"{Path(__file__).parent / 'engine_plan'}:{ROOT}"
        return {"PYTHONPATH": path, GATES: str(self.gates), "TKE_TUI_BUNDLE": str(self.bundle)}

    def open(self, *tasks: str, say: str = "go") -> None:
        """Let tasks go on: `EnsureDocker@192.0.2.11`, `Preflight`, or `all`; or have them fail with a text."""
        for task in tasks:
            written = self.gates / f".{task}"
            written.write_text(say)
            written.rename(self.gates / task)

    def shut(self, task: str) -> None:
        (self.gates / task).unlink()

    def terminal(
        self, *arguments: str | Path, size: tuple[int, int] = (80, 24), environ: dict[str, str] | None = None
    ) -> Terminal:
        """`tke-tui` with these arguments, in a terminal of its own."""
        return Terminal(*arguments, home=self.home, size=size, environ=self.environ | (environ or {}))

    def install(self, *more: str | Path, size: tuple[int, int] = (80, 24)) -> Terminal:
        return self.terminal(
            "install",
            "-c",
            self.document,
            "--bundle",
            self.bundle,
            "--dir",
            self.directory.root,
            *more,
            size=size,
        )

    def attach(self, *more: str | Path, size: tuple[int, int] = (80, 24)) -> Terminal:
        return self.terminal("attach", "--dir", self.directory.root, *more, size=size)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`tke-tui` without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "tke_tui", *arguments, "--dir", str(self.directory.root)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environ},
            check=False,
            timeout=50,
        )

    @property
    def engine(self) -> int:
        """The process that works on the installation; 0 when none does."""
        if not holder_of(self.directory.lock):
            return 0
        return int(json.loads(self.directory.lock.read_text())["pid"])

    def end(self) -> None:
        """Nothing of it goes on."""
        log = self.directory.engine_log
        lines = log.read_text().splitlines() if log.exists() else []
        for pid in {line.split()[3] for line in lines if " engine process " in line}:
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and str(self.directory.root) in command.read_text():
                os.kill(int(pid), signal.SIGKILL)

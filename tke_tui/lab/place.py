"""The directory of an embedded lab, and the process that serves it.

`lab/` holds the machines, `install/` the installation. The process is in a session of its own, so that it outlives
the terminal as the engine does; it ends when it is told to, or when nobody has asked it anything for an hour.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tke_tui.core.errors import StateError
from tke_tui.core.installation import RunSettings
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir, default_directory, write_private
from tke_tui.lab.scenario import Scenario

START_LIMIT = 120.0
"""Seconds a lab may take until it is ready; 1,000 machines take about 20."""
MARK = "embedded-lab"


@dataclass(frozen=True)
class LabPlace:
    """The names below the directory `root`."""

    root: Path

    @classmethod
    def default(cls) -> LabPlace:
        """Beside the installations of this user."""
        return cls(default_directory().parent / "lab")

    @property
    def install(self) -> InstallDir:
        return InstallDir(self.root / "install")

    @property
    def machines(self) -> Path:
        return self.root / "lab"

    @property
    def input(self) -> Path:
        """The input document for these machines, with the passwords of this lab (0600)."""
        return self.root / "tke.json"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def scenario(self) -> Path:
        return self.root / "scenario.json"

    @property
    def pid_file(self) -> Path:
        return self.root / "lab.pid"

    @property
    def log(self) -> Path:
        return self.root / "lab.log"

    def pid(self) -> int | None:
        """The process that serves the lab; None when there is none."""
        try:
            pid = int(self.pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.root).encode() in command.split(b"\0") else None

    def begin(self, scenario: Scenario) -> None:
        """Make a fresh lab; one that was here before is ended and removed.

        Raises `StateError` when the directory holds something else, or the lab does not come up.
        """
        self.end()
        if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / MARK).exists():
            raise StateError(
                f"{self.root} is not empty and is no lab", fix="Name a new or an empty directory with --dir."
            )
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(mode=0o700, parents=True)
        (self.root / MARK).touch()
        write_private(self.scenario, scenario.model_dump_json())
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tke_tui.lab", str(self.root)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_ready(process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_LIMIT
        while not self.pid_file.exists():
            if process.poll() is not None or time.monotonic() > end:
                with contextlib.suppress(OSError):
                    process.kill()
                said = self.log.read_text(errors="replace").strip().splitlines()
                raise StateError(
                    "The lab did not start",
                    detail=said[-1] if said else f"not ready after {START_LIMIT:g} s",
                    fix=f"See {self.log}. An address or port of 127.77.0.0/16 may be taken by another lab.",
                )
            time.sleep(0.05)

    def end(self) -> bool:
        """End the lab's process; False when none ran."""
        pid = self.pid()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while self.pid() is not None and time.monotonic() < end:
            time.sleep(0.05)
        return True

    def para(self) -> CreateClusterPara:
        """The input for this lab. Raises `StateError` without one."""
        loaded = load_para(self.input)
        if loaded.para is None:
            raise StateError(f"{self.input} cannot be read", fix="Begin again with: tke-tui lab")
        return loaded.para

    def run_settings(self) -> RunSettings:
        return RunSettings.from_dict(json.loads(self.settings.read_text()))

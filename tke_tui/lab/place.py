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
from tke_tui.core.lock import DirectoryLock, holder_of
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir, default_directory, write_private
from tke_tui.core.run_settings import RunSettings
from tke_tui.lab.scenario import Scenario

START_LIMIT = 120.0
"""Seconds a lab may take until it is ready; 1,000 machines take about 20."""
END_LIMIT = 10.0
"""Seconds a lab may take until it has ended, or mended its machines."""
MARK = "embedded-lab"
ONE_ADDRESS = "one-address"
"""What the process is told instead of a number."""
REPAIR = signal.SIGUSR1
_PAUSE = 0.05


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
        """The story as it is at present: without what was repaired."""
        return self.root / "scenario.json"

    @property
    def logins(self) -> Path:
        """What root's password really is on each machine (0600), also where the input has a wrong one."""
        return self.root / "logins.json"

    @property
    def pid_file(self) -> Path:
        return self.root / "lab.pid"

    @property
    def log(self) -> Path:
        return self.root / "lab.log"

    def pid(self) -> int | None:
        """The process that serves the lab; None when there is none."""
        if holder_of(self.root / MARK):
            with contextlib.suppress(OSError, ValueError):
                return int(self.pid_file.read_text())
        return None

    def served(self) -> DirectoryLock:
        """This process serves the lab while the block lasts, and however it ends: the kernel drops the lock."""
        return DirectoryLock(self.root / MARK)

    def begin(self, scenario: Scenario, number: int | None = None, *, one_address: bool = False) -> None:
        """Make a fresh lab; one that was here before is ended and removed, with the installation in it.

        `number` (0 to 7) says which addresses it gets; by default the first that are free. `one_address` lets all its
        machines listen on 127.0.0.1, which they do anyway where that is the only loopback address. Raises `StateError`
        when the directory holds something else, an installation is running in it, or the lab does not come up.
        """
        holder = holder_of(self.install.lock)
        if holder:
            raise StateError(
                f"An installation is running in {self.install.root}",
                detail=holder,
                fix="Come back to it with: tke-tui lab --resume; end it with: tke-tui lab --stop.",
            )
        self.end()
        if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / MARK).exists():
            raise StateError(
                f"{self.root} is not empty and is no lab", fix="Name a new or an empty directory with --dir."
            )
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(mode=0o700, parents=True)
        (self.root / MARK).touch()
        write_private(self.scenario, scenario.model_dump_json())
        temporary = self.root / "tmp"
        temporary.mkdir(mode=0o700)
        given = [ONE_ADDRESS] if one_address else [] if number is None else [str(number)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                # -P: what lies in the working directory is no part of this program.
                [sys.executable, "-P", "-m", "tke_tui.lab", str(self.root), *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "TMPDIR": str(temporary)},
                start_new_session=True,
            )
        try:
            self._await_ready(process)
        except BaseException:
            process.kill()
            process.wait()
            raise

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_LIMIT
        while not self.pid_file.exists():
            if process.poll() is not None or time.monotonic() > end:
                said = self.log.read_text(errors="replace").strip()
                title, *rest = said.splitlines() or ["", f"not ready after {START_LIMIT:g} s"]
                fixes = [line.removeprefix("fix: ") for line in rest if line.startswith("fix: ")]
                raise StateError(
                    title or "The lab did not start",
                    detail="\n".join(line for line in rest if not line.startswith("fix: ")),
                    fix=" ".join(fixes) or f"See {self.log}.",
                )
            time.sleep(_PAUSE)

    def end(self) -> bool:
        """End the lab's process; False when none ran."""
        pid = self.pid()
        if pid is None:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + END_LIMIT
            while self.pid() == pid and time.monotonic() < end:
                time.sleep(_PAUSE)
        self.pid_file.unlink(missing_ok=True)
        return True

    def require(self) -> int:
        """The process that serves the lab. Raises `StateError` when there is none."""
        pid = self.pid()
        if pid is None:
            raise StateError(
                f"No lab runs in {self.root}",
                detail="its machines are gone when its process ends",
                fix="Begin again with: tke-tui lab",
            )
        return pid

    def repair(self) -> None:
        """Mend everything that the scenario has broken; returns when that is done. Raises `StateError`."""
        os.kill(self.require(), REPAIR)
        end = time.monotonic() + END_LIMIT
        while self.story() != self.story().repaired():
            self.require()
            if time.monotonic() > end:
                raise StateError(
                    "The lab does not answer", detail=f"for {END_LIMIT:g} s", fix=f"See {self.log}."
                )
            time.sleep(_PAUSE)

    def story(self) -> Scenario:
        return Scenario.model_validate_json(self.scenario.read_text())

    def para(self) -> CreateClusterPara:
        """The input for this lab. Raises `StateError` without one."""
        loaded = load_para(self.input)
        if loaded.para is None:
            raise StateError(f"{self.input} cannot be read", fix="Begin again with: tke-tui lab")
        return loaded.para

    def run_settings(self) -> RunSettings:
        return RunSettings.from_dict(json.loads(self.settings.read_text()))

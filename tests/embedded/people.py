"""Who tries the lab: somebody without any rights where that can be arranged, with a home of his own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@dataclass(frozen=True)
class Person:
    """`home` is empty at first; `python` can be run by this person."""

    home: Path
    python: str
    rights: dict[str, Any]
    path: str

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`tke-tui` with these arguments, its output in one pipe, its messages in another."""
        return subprocess.Popen(
            [self.python, "-m", "tke_tui", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "LC_ALL": "C.UTF-8",
                "PYTHONPATH": self.path,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            **self.rights,
        )

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """The same to its end: what it printed, and its messages."""
        started = self.start(*arguments)
        out, messages = started.communicate(timeout=200)
        assert started.returncode == code, out + messages
        assert "Traceback" not in messages
        return out, messages


@contextmanager
def person() -> Iterator[Person]:
    """Tests that run as root become nobody, if there is a Python that nobody can run."""
    home = Path(tempfile.mkdtemp(prefix="tke-tui-person-"))
    try:
        path = f"{ROOT}:{next(p for p in sys.path if p.endswith('site-packages'))}"
        rights = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if os.geteuid() == 0 and (python := _python_of_nobody(path, rights)):
            os.chown(home, NOBODY, NOBODY)
            yield Person(home, python, rights, path)
        else:
            yield Person(home, sys.executable, {}, path)
    finally:
        shutil.rmtree(home)


def _python_of_nobody(path: str, rights: dict[str, Any]) -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}"):
        try:
            tried = subprocess.run(
                [python, "-c", "import tke_tui, pydantic_core, asyncssh"],
                cwd="/",
                env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                check=False,
                **rights,
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    return ""

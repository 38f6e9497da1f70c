"""One engine per directory: the second is told who the first is; a dead one leaves nothing to clean up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tke_tui.core.errors import StateError
from tke_tui.core.lock import DirectoryLock, holder_of

HOLDER = """
import sys, time
from pathlib import Path
from tke_tui.core.lock import DirectoryLock
with DirectoryLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_second_engine_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    process = hold(tmp_path / "engine.lock")
    try:
        with (
            pytest.raises(StateError, match="Another engine") as caught,
            DirectoryLock(tmp_path / "engine.lock"),
        ):
            pass
        assert f"process {process.pid} " in caught.value.detail
    finally:
        end(process)


def test_the_lock_of_a_killed_engine_is_free(tmp_path: Path) -> None:
    end(hold(tmp_path / "engine.lock"))
    with DirectoryLock(tmp_path / "engine.lock"):
        assert str(os.getpid()) in (tmp_path / "engine.lock").read_text()
    assert (tmp_path / "engine.lock").read_text() == ""


def test_anybody_may_ask_who_works_here(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    assert holder_of(path) == ""
    process = hold(path)
    try:
        assert f"process {process.pid} " in holder_of(path)
    finally:
        end(process)
    assert path.read_text() != ""
    assert holder_of(path) == ""

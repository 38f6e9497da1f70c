"""The merge script of the packages, run by a real shell on real directories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tke_tui.core.remote.packages import MERGE


def merge(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", MERGE, "sh", str(source), str(target)], capture_output=True, text=True)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    path = tmp_path / "staging"
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "new.so").write_text("library")
    (path / "lib" / "link.so").symlink_to("new.so")
    tool = path / "tool with blank"
    tool.write_text("new")
    tool.chmod(0o755)
    return path


def test_links_to_directories_survive_a_package_that_has_real_ones(staging: Path, tmp_path: Path) -> None:
    target = tmp_path / "root"
    (target / "usr" / "lib").mkdir(parents=True)
    (target / "usr" / "lib" / "old.so").write_text("old")
    (target / "lib").symlink_to("usr/lib")

    assert merge(staging, target).returncode == 0

    assert (target / "lib").is_symlink()
    assert sorted(path.name for path in (target / "usr" / "lib").iterdir()) == ["link.so", "new.so", "old.so"]
    assert (target / "usr" / "lib" / "link.so").is_symlink()
    assert (target / "tool with blank").stat().st_mode & 0o777 == 0o755


def test_binary_that_is_running_is_replaced(staging: Path, tmp_path: Path) -> None:
    target = tmp_path / "root"
    target.mkdir()
    running = target / "tool with blank"
    running.write_bytes(Path("/bin/cat").read_bytes())
    running.chmod(0o755)
    with subprocess.Popen([running], stdin=subprocess.PIPE) as process:
        done = merge(staging, target)
        assert process.stdin is not None
        process.stdin.close()
    assert (done.returncode, done.stderr) == (0, "")
    assert running.read_text() == "new"


def test_remains_of_an_interrupted_merge_are_replaced(staging: Path, tmp_path: Path) -> None:
    target = tmp_path / "root"
    target.mkdir()
    (target / "tool with blank.tke-tui").write_text("half")

    assert merge(staging, target).returncode == 0

    assert sorted(path.name for path in target.iterdir()) == ["lib", "tool with blank"]


def test_failure_inside_the_loop_is_the_exit_code(staging: Path, tmp_path: Path) -> None:
    target = tmp_path / "root"
    target.mkdir()
    (target / "lib").write_text("a file where a directory must be")

    done = merge(staging, target)

    assert done.returncode != 0
    assert done.stderr

"""File tools of the embedded lab against the real ones: same answers, same trees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.embedded.twins import Twins
from tke_tui.lab.machine import ModelMachine, Reply

ENTRIES = ("-mindepth", "1", "-maxdepth", "1", "!", "-name", "lost+found")
ODD = ("two words", "it's", "line\nbreak", "back\\slash", "héllo")


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    found = Twins(tmp_path)
    found.file("/etc/conf", b"one\r\ntwo\x0cthree\n\xff\n", 0o640)
    found.file("/etc/empty", b"")
    found.file("/etc/full/file")
    found.directory("/etc/void", 0o700)
    found.link("/etc/link", "conf").link("/etc/absolute", "/etc/conf").link("/etc/dangling", "none")
    found.link("/etc/there", "/etc/full").link("/etc/loop", "loop")
    for name in ODD:
        found.file(f"/odd/{name}")
    return found


def run_really(twins: Twins, argv: list[str]) -> Reply:
    """The real program, as root with umask 022 sees it; absolute paths are meant inside the tree."""
    here = [f"{twins.real}{word}" if word.startswith("/") else word for word in argv]
    done = subprocess.run(here, capture_output=True, env={**os.environ, "LC_ALL": "C"}, umask=0o022)
    out, err = (
        text.decode("utf-8", "surrogateescape").replace(str(twins.real), "")
        for text in (done.stdout, done.stderr)
    )
    return Reply(done.returncode, out, err)


def both(twins: Twins, *argv: str) -> Reply:
    real, model = run_really(twins, list(argv)), ModelMachine(twins.model).execute(argv)
    if any(word.rpartition("/")[2] in ODD for word in argv):
        # How a name is quoted in a message depends on the locale.
        real, model = (replace(reply, stderr="said" if reply.stderr else "") for reply in (real, model))
    assert model == real
    left_by_program, left_by_lab = twins.listings()
    assert left_by_lab == left_by_program
    return model


THERE = ("/etc/conf", "/etc/empty", "/etc/full", "/etc/void", "/etc/link", "/etc/absolute", "/etc/there")
MISSING = ("/etc/none", "/none/none", "/etc/conf/none", "/etc/dangling")
ALL = (*THERE, *MISSING)


@pytest.mark.parametrize("name", [*ALL, *(f"/odd/{name}" for name in ODD)])
@pytest.mark.parametrize(
    "command",
    [
        ["cat"],
        ["sha256sum", "--"],
        ["readlink"],
        ["rm", "-f", "--one-file-system", "--"],
        ["rm", "-rf", "--one-file-system", "--"],
        ["mkdir", "-p", "-m", "750", "--"],
        ["chmod", "+x", "--"],
        ["chmod", "0600", "--"],
        ["ln", "-sfn", "--", "../target"],
        ["touch", "--no-create", "--date=@1600000000.123456789", "--"],
        *(["test", flag] for flag in ("-e", "-f", "-d", "-x", "-L")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_about_one_path(twins: Twins, command: list[str], name: str) -> None:
    both(twins, *command, name)


@pytest.mark.parametrize(
    "target",
    ["/etc/none", "/none/none", "/etc/conf", "/etc/void", "/etc/link", "/etc/dangling", "/etc/empty/none"],
)
@pytest.mark.parametrize(
    "source", ["/etc/full/file", "/etc/link", "/etc/void", "/etc/none", "/etc/dangling", "/etc/conf/none"]
)
def test_a_copy(twins: Twins, source: str, target: str) -> None:
    both(twins, "cp", "-p", "--", source, target)


@pytest.mark.parametrize(
    "names",
    [
        ["/etc/conf"],
        ["/etc/empty"],
        ["/etc/none"],
        ["/etc/conf", "/etc/none", "/etc/full/file"],
        ["/etc/full"],
    ],
)
def test_grep_shows_the_lines_of_files(twins: Twins, names: list[str]) -> None:
    both(twins, "grep", "-sH", "", "--", *names)


@pytest.mark.parametrize("name", ALL)
def test_times_are_told_to_the_nanosecond(twins: Twins, name: str) -> None:
    for root in twins.roots:
        for path in root.rglob("*"):
            os.utime(path, ns=(1, 1_600_000_000_123_456_789), follow_symlinks=False)
    both(twins, "stat", "-c", "%.9Y", name)


@pytest.mark.parametrize("name", [*THERE, *MISSING])
def test_mode_and_owner(twins: Twins, name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("everything in the lab is root's")
    both(twins, "stat", "-L", "-c", "%a %u %g", name)


@pytest.mark.parametrize(
    "words", [["-e", "/etc/conf", "-a", "-d", "/etc"], ["-d", "/etc", "-a", "-x", "/etc/conf"]]
)
def test_several_conditions(twins: Twins, words: list[str]) -> None:
    both(twins, "test", *words)


@pytest.mark.parametrize("made", [
    lambda twins: twins,
    lambda twins: twins.directory("/var/lib/etcd"),
    lambda twins: twins.directory("/var/lib/etcd/lost+found"),
    lambda twins: twins.file("/var/lib/etcd/member"),
    lambda twins: twins.file("/var/lib/etcd"),
    lambda twins: twins.file("/data/etcd/member").directory("/var/lib").link("/var/lib/etcd", "/data/etcd"),
], ids=["missing", "empty", "new_file_system", "used", "file", "used_behind_a_link"])  # fmt: skip
def test_what_is_in_a_directory(twins: Twins, made: Callable[[Twins], Twins]) -> None:
    made(twins)
    both(twins, "find", "-H", "/var/lib/etcd", *ENTRIES)

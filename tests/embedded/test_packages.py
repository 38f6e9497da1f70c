"""How the embedded lab unpacks and merges packages, against GNU tar and the merge script run by a shell."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embedded.twins import Twins
from tke_tui.core.remote.packages import MERGE
from tke_tui.lab.machine import ModelMachine, Reply

Member = tuple[str, str, int, str]
"""Kind, name, mode, and content or target."""
TARBALL, PLACE = "/var/tmp/package.tgz", "/opt/staging"
ENDS = {
    "tar: Error is not recoverable: exiting now",
    "tar: Exiting with failure status due to previous errors",
}
"""Which one it is depends on how much of a damaged tarball gzip lets through."""
MTIME = 1_600_000_000
_KINDS = {
    "directory": tarfile.DIRTYPE,
    "file": tarfile.REGTYPE,
    "link": tarfile.SYMTYPE,
    "hard": tarfile.LNKTYPE,
}


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    return Twins(tmp_path)


def tarball(members: list[Member]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for kind, name, mode, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = _KINDS[kind], mode, MTIME
            if kind == "file":
                info.size = len(content)
            else:
                info.linkname = content if kind in ("link", "hard") else ""
            archive.addfile(info, io.BytesIO(content.encode()))
    return made.getvalue()


def both(twins: Twins, *argv: str) -> tuple[Reply, Reply]:
    """(what the real programs say, what the lab says), in this order."""
    here = [f"{twins.real}{word}" if word.startswith("/") else word for word in argv]
    # Whoever is not root unpacks with the umask.
    mask = 0o022 if os.geteuid() == 0 or argv[0] != "tar" else 0
    done = subprocess.run(here, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, umask=mask)
    told = done.stderr.replace(str(twins.real), "")
    return Reply(done.returncode, done.stdout, told), ModelMachine(twins.model).execute(argv)


def unpack(twins: Twins, content: bytes | None, strip: int = 0, place: str = PLACE) -> Reply:
    """The lab's answer, which ends like tar's when it is bad."""
    if content is not None:
        twins.file(TARBALL, content)
    argv = ("tar", "-xzf", TARBALL, "--no-same-owner", f"--strip-components={strip}", "-C", place)
    real, model = both(twins, *argv)
    assert (model.exit_code, model.stdout) == (real.exit_code, real.stdout), (real.stderr, model.stderr)
    assert not model.exit_code or {model.stderr.splitlines()[-1], real.stderr.splitlines()[-1]} <= ENDS
    return model


def alike(twins: Twins) -> None:
    left_by_programs, left_by_lab = twins.listings()
    assert left_by_lab == left_by_programs


PACKAGES: dict[str, list[Member]] = {
    "as_made_of_a_directory": [
        ("directory", ".", 0o755, ""), ("directory", "./bin", 0o755, ""), ("file", "./bin/tool", 0o755, "tool"),
        ("link", "./bin/short", 0o777, "tool"), ("hard", "./bin/same", 0o755, "./bin/tool"),
    ],
    "with_a_name_in_front": [
        ("directory", "kube", 0o700, ""), ("file", "kube/a", 0o600, "a"), ("hard", "kube/b", 0o600, "kube/a"),
        ("directory", "kube/closed", 0o500, ""), ("file", "kube/closed/c", 0o444, "c"),
    ],
    "without_directories": [("file", "usr/bin/tool", 0o755, "tool"), ("file", "etc/conf", 0o640, "")],
    "absolute_names": [("file", "/usr/bin/tool", 0o755, "tool")],
    "absolute_link": [("link", "etc/conf", 0o777, "/run/conf"), ("link", "etc/up", 0o777, "../run/conf")],
    "the_same_twice": [("file", "a", 0o644, "long content"), ("file", "a", 0o600, "new")],
    "a_link_then_a_file": [
        ("file", "a", 0o644, "a"), ("link", "b", 0o777, "a"), ("file", "b", 0o644, "b"), ("link", "a", 0o777, "b"),
    ],
    "a_directory_where_a_link_was": [
        ("directory", "a", 0o755, ""), ("link", "b", 0o777, "a"), ("directory", "b", 0o700, ""),
        ("file", "b/c", 0o644, "c"),
    ],
    "through_a_link": [("directory", "usr", 0o755, ""), ("link", "bin", 0o777, "usr"), ("file", "bin/c", 0o644, "c")],
    "out_of_its_place": [("file", "../up", 0o644, "up"), ("file", "a", 0o644, "a")],
    "a_hard_link_to_nothing": [("hard", "b", 0o644, "a"), ("file", "c", 0o644, "c")],
    "a_file_over_a_directory": [
        ("directory", "a", 0o755, ""), ("file", "a/b", 0o644, "b"), ("file", "a", 0o644, "a"),
        ("file", "c", 0o644, "c"),
    ],
    "odd_names": [("file", name, 0o644, name) for name in ("two words", "it's", "-dash", "back\\slash", "é", "a\nb")],
    "nothing": [],
}  # fmt: skip


@pytest.mark.parametrize("strip", [0, 1, 2])
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_unpacked(twins: Twins, package: str, strip: int) -> None:
    twins.directory(PLACE, 0o700)
    unpack(twins, tarball(PACKAGES[package]), strip)
    alike(twins)


def test_bits_of_the_mode_and_times_are_kept(twins: Twins) -> None:
    twins.directory(PLACE)
    assert unpack(twins, tarball([("file", "a", 0o4755, "a"), ("file", "b", 0o2700, "b")])).exit_code == 0
    if os.geteuid() == 0:
        alike(twins)
    assert {(root / "opt/staging/a").stat().st_mtime for root in twins.roots} == {MTIME}


_LEAVES = st.tuples(
    st.sampled_from(["file", "file", "link"]), st.sampled_from(["f", "./f", "a/f", "a/b/f", "b/f", "a/b/g"]),
    st.sampled_from([0o600, 0o755]), st.sampled_from(["", "f", "g", "x" * 200]),
)  # fmt: skip
_DIRECTORIES = st.tuples(
    st.just("directory"),
    st.sampled_from([".", "a", "./a", "a/b", "b"]),
    st.sampled_from([0o700, 0o755]),
    st.just(""),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.lists(st.one_of(_LEAVES, _DIRECTORIES), max_size=6), strip=st.integers(0, 2))
def test_any_package_is_unpacked(twins: Twins, members: list[Member], strip: int) -> None:
    twins.clear()
    twins.directory(PLACE, 0o700)
    # An empty link is none.
    unpack(
        twins,
        tarball([(k, n, m, c or "f") if k == "link" else (k, n, m, c) for k, n, m, c in members]),
        strip,
    )
    alike(twins)


WHOLE = tarball([("file", f"file-{number}", 0o644, str(number) * 5000) for number in range(20)])
DAMAGED = {
    "missing": None,
    "empty": b"",
    "no_archive": b"hello\n",
    "only_a_beginning": WHOLE[: len(WHOLE) // 2],
    "without_its_end": WHOLE[:-4],
    "damaged_in_the_middle": WHOLE[: len(WHOLE) // 2] + b"damage" + WHOLE[len(WHOLE) // 2 + 6 :],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_tarball_is_an_error(twins: Twins, content: bytes | None) -> None:
    twins.directory(PLACE)
    assert unpack(twins, content).exit_code == 2


@pytest.mark.parametrize("there", [False, True])
def test_a_place_that_is_none_is_an_error(twins: Twins, there: bool) -> None:
    if there:
        twins.file(PLACE)
    assert unpack(twins, WHOLE).exit_code == 2
    alike(twins)


# --- merging ---


def merge(twins: Twins, source: str = "/opt/staging", target: str = "/") -> Reply:
    """The lab's answer, which must be the shell's."""
    real, model = both(twins, "sh", "-c", MERGE, "sh", source, target)
    assert model == real
    alike(twins)
    return model


STAGED: dict[str, Callable[[Twins], Twins]] = {
    "new": lambda twins: twins,
    "older": lambda twins: twins.file("/usr/bin/tool", b"old", 0o700),
    "same": lambda twins: twins.file("/usr/bin/tool", b"tool", 0o755),
    "link": lambda twins: twins.file("/opt/other", b"other").link("/usr/bin/tool", "/opt/other"),
    "dangling_link": lambda twins: twins.link("/usr/bin/tool", "none"),
    "link_to_a_directory": lambda twins: twins.directory("/opt/other").link("/usr/bin/tool", "/opt/other"),
    "directory_is_a_link": lambda twins: twins.directory("/data/bin").link("/usr", "/data"),
    "closed_directory": lambda twins: twins.directory("/usr/bin", 0o700),
    "left_aside": lambda twins: twins.file("/usr/bin/tool.tke-tui", b"half"),
    "link_left_aside": lambda twins: twins.link("/usr/bin/tool.tke-tui", "tool"),
}


@pytest.mark.parametrize("target", ["/", "/target", "/target/"])
@pytest.mark.parametrize("made", STAGED.values(), ids=STAGED)
def test_a_tree_is_merged(twins: Twins, made: Callable[[Twins], Twins], target: str) -> None:
    made(twins)
    twins.file("/opt/staging/usr/bin/tool", b"tool", 0o4755).file("/opt/staging/.hidden", b"")
    twins.link("/opt/staging/usr/bin/short", "tool").link("/opt/staging/usr/lib", "/usr/lib64")
    for name in ("two words", "it's", "-dash", "back\\slash", " before and after "):
        twins.file(f"/opt/staging/{name}/{name}")
    twins.directory("/opt/staging/void")
    assert merge(twins, target=target).exit_code == 0


def test_the_very_same_files_are_merged_only_once(twins: Twins) -> None:
    """They are not unpacked anew when they are merged again, which the installer does each time."""
    twins.file("/opt/staging/tool", b"tool", 0o755)
    assert merge(twins).exit_code == 0
    assert "are the same file" in merge(twins).stderr


IN_THE_WAY: dict[str, Callable[[Twins], Twins]] = {
    "directory": lambda twins: twins.directory("/usr/bin/tool"),
    "full_directory": lambda twins: twins.file("/usr/bin/tool/file"),
    "file_above": lambda twins: twins.file("/usr/bin"),
    "file_far_above": lambda twins: twins.file("/usr"),
    "dangling_link_above": lambda twins: twins.link("/usr/bin", "none"),
    "directory_aside": lambda twins: twins.directory("/usr/bin/tool.tke-tui"),
}


@pytest.mark.parametrize("made", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_in_the_way_is_an_error(twins: Twins, made: Callable[[Twins], Twins]) -> None:
    made(twins)
    twins.file("/opt/staging/usr/bin/tool", b"tool", 0o755)
    assert merge(twins).exit_code == 1


@pytest.mark.parametrize("there", [False, True])
def test_a_source_that_is_no_directory_is_an_error(twins: Twins, there: bool) -> None:
    if there:
        twins.file("/opt/staging")
    assert merge(twins).exit_code == 2

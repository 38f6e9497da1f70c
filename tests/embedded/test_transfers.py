"""The embedded lab answers the scripts of file transfer as the scripts themselves do when a shell runs them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embedded.twins import Twins
from tke_tui.core.adapters import ssh_scripts
from tke_tui.lab.sshd_commands import run_in_tree
from tke_tui.lab.transfers import Reply, transfer

NEW = b"new\n"
TEMP = "/etc/.conf.0123abcd.tke-tui"
TARGET = "/etc/conf"
LONG = "n" * 300
Made = Callable[[Twins], Twins]
ODD = (
    "two words",
    "it's",
    'a "quote"',
    "line\nbreak",
    "-dash",
    "--",
    "$HOME",
    "*",
    "back\\slash",
    "héllo",
    "tail ",
)


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    found = Twins(tmp_path)
    found.directory("/etc")
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def both(twins: Twins, argv: tuple[str, ...], stdin: bytes = b"") -> Reply:
    """The lab's answer; what the shell answers, and what is there afterwards, must be the same."""
    real = await run_in_tree(twins.real, argv, stdin, {})
    model = transfer(twins.model, argv, stdin)
    assert model == real
    left_by_shell, left_by_lab = twins.listings()
    assert left_by_lab == left_by_shell
    return model


async def commit(
    twins: Twins, target: str = TARGET, *, temp: str = "", source: str = "-", content: bytes = NEW, mode: int = 0o640,
    sha256: str = "", synced: bool = True,
) -> Reply:  # fmt: skip
    argv = ssh_scripts.commit(
        temp or f"{target.rpartition('/')[0]}/.temp.tke-tui", target, mode=mode, owner="root", group="root",
        sha256=sha256, source=source, synced=synced,
    )  # fmt: skip
    return await both(twins, argv, content if source == "-" else b"")


# --- reading ---

READ_FROM: dict[str, Made] = {
    "missing": lambda twins: twins,
    "file": lambda twins: twins.file("/etc/conf"),
    "empty": lambda twins: twins.file("/etc/conf", b""),
    "binary": lambda twins: twins.file("/etc/conf", bytes(range(256))),
    "root_of_the_host_in_it": lambda twins: twins.file("/etc/conf", str(twins.real).encode()),
    "directory": lambda twins: twins.directory("/etc/conf"),
    "link": lambda twins: twins.file("/etc/other").link("/etc/conf", "other"),
    "absolute_link": lambda twins: twins.file("/run/other").link("/etc/conf", "/run/other"),
    "link_to_a_directory": lambda twins: twins.directory("/run").link("/etc/conf", "/run"),
    "dangling_link": lambda twins: twins.link("/etc/conf", "/run/none"),
    "loop": lambda twins: twins.link("/etc/conf", "conf"),
    "links_in_a_row": lambda twins: (
        twins.file("/data/a/conf").link("/b", "/data").link("/c", "b/a").link("/etc/conf", "../c/conf")
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", READ_FROM.values(), ids=READ_FROM)
async def test_a_file_is_read(twins: Twins, made: Made) -> None:
    made(twins)
    await both(twins, ssh_scripts.read(TARGET, 4096))


@pytest.mark.parametrize(
    "name", ["/etc/conf/below", f"/etc/{LONG}", "/no/such/file", "/etc/../etc/conf", "//etc/conf"]
)
async def test_odd_paths_are_read(twins: Twins, name: str) -> None:
    twins.file(TARGET)
    await both(twins, ssh_scripts.read(name, 4096))


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11])
async def test_no_more_is_read_than_asked_for(twins: Twins, size: int) -> None:
    twins.file(TARGET, b"0123456789")
    _, out, _ = await both(twins, ssh_scripts.read(TARGET, size))
    assert out == b"0123456789"[:size]


def test_what_may_not_be_read_is_refused_as_by_a_shell() -> None:
    with tempfile.TemporaryDirectory() as place:
        root, nobody = Path(place), 65534
        root.chmod(0o755)
        (root / "conf").write_bytes(b"")
        (root / "conf").chmod(0)
        argv = ssh_scripts.read("/conf", 10)
        argv_here = (*argv[:4], f"{root}/conf", "10")
        as_root = os.geteuid() == 0
        shell = subprocess.run(
            argv_here, capture_output=True, user=nobody if as_root else None, env={"LC_ALL": "C"}
        )
        if as_root:
            os.seteuid(nobody)
        try:
            answer = transfer(root, argv, b"")
        finally:
            os.seteuid(os.getuid())
    assert answer == (shell.returncode, shell.stdout, shell.stderr.replace(place.encode(), b""))
    assert b"Permission denied" in answer[2]


# --- putting in place ---

PRESENT: dict[str, Made] = {
    "nothing": lambda twins: twins,
    "the_same": lambda twins: twins.file(TARGET, NEW, 0o640),
    "another_content": lambda twins: twins.file(TARGET, b"old\n" * 100, 0o640),
    "another_mode": lambda twins: twins.file(TARGET, NEW, 0o4755),
    "unwritable": lambda twins: twins.file(TARGET, NEW, 0o400),
    "directory": lambda twins: twins.directory(TARGET),
    "full_directory": lambda twins: twins.file(f"{TARGET}/file"),
    "link": lambda twins: twins.file("/run/other").link(TARGET, "/run/other"),
    "link_to_a_directory": lambda twins: twins.directory("/run").link(TARGET, "/run"),
    "dangling_link": lambda twins: twins.link(TARGET, "none"),
    "loop": lambda twins: twins.link(TARGET, "conf"),
    "something_staged": lambda twins: twins.file(TEMP, b"half of what was sent before\n" * 9, 0o600),
}  # fmt: skip


@pytest.mark.parametrize("made", PRESENT.values(), ids=PRESENT)
async def test_a_file_from_stdin_is_put_in_place(twins: Twins, made: Made) -> None:
    made(twins)
    await commit(twins, temp=TEMP, sha256=digest(NEW))


@pytest.mark.parametrize("made", PRESENT.values(), ids=PRESENT)
async def test_a_damaged_file_is_not_put_in_place(twins: Twins, made: Made) -> None:
    made(twins)
    code, _, said = await commit(twins, temp=TEMP, sha256=digest(b"other"))
    assert (code, said) == (ssh_scripts.WRONG_CHECKSUM, digest(NEW).encode() + b"\n")


PARENTS: dict[str, tuple[str, Made]] = {
    "missing": ("/etc/a/b/conf", lambda twins: twins),
    "at_the_top": ("/conf", lambda twins: twins),
    "file": ("/etc/a/conf", lambda twins: twins.file("/etc/a")),
    "below_a_file": ("/etc/a/b/conf", lambda twins: twins.file("/etc/a")),
    "link": ("/etc/a/conf", lambda twins: twins.directory("/run").link("/etc/a", "/run")),
    "below_a_link": (
        "/etc/a/b/c/conf",
        lambda twins: twins.directory("/run").link("/etc/a", "../run"),
    ),
    "link_to_a_file": ("/etc/a/conf", lambda twins: twins.file("/run").link("/etc/a", "/run")),
    "dangling_link": ("/etc/a/conf", lambda twins: twins.link("/etc/a", "/run")),
    "below_a_dangling_link": ("/etc/a/b/conf", lambda twins: twins.link("/etc/a", "/run")),
    "loop": ("/etc/a/conf", lambda twins: twins.link("/etc/a", "a")),
    "below_a_loop": ("/etc/a/b/conf", lambda twins: twins.link("/etc/a", "a")),
    "closed": ("/etc/a/b/conf", lambda twins: twins.directory("/etc/a", 0o700)),
    "handing_on_its_group": ("/etc/a/b/conf", lambda twins: twins.directory("/etc/a", 0o2775)),
    "name_too_long": (f"/etc/{LONG}/conf", lambda twins: twins),
    "file_name_too_long": (f"/etc/{LONG}", lambda twins: twins),
}


@pytest.mark.parametrize(("target", "made"), PARENTS.values(), ids=PARENTS)
async def test_directories_are_made_for_a_file(twins: Twins, target: str, made: Made) -> None:
    made(twins)
    await commit(twins, target)


@pytest.mark.parametrize("name", ODD)
async def test_odd_names(twins: Twins, name: str) -> None:
    await commit(twins, f"/etc/{name}/{name}", temp=f"/etc/{name}/.{name}.tke-tui", mode=0o600)
    code, out, _ = await both(twins, ssh_scripts.read(f"/etc/{name}/{name}", 100))
    assert (code, out) == (0, NEW)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, (1 << 20) + 1])
@pytest.mark.parametrize("source", ["-", "/var/tmp/staged"])
async def test_sizes(twins: Twins, size: int, source: str) -> None:
    content = bytes(size)
    twins.file("/var/tmp/staged", content, 0o600)
    assert (await commit(twins, source=source, content=content, sha256=digest(content)))[0] == 0


@pytest.mark.parametrize("mode", [0o400, 0o644, 0o755, 0o4755, 0o1777])
async def test_modes(twins: Twins, mode: int) -> None:
    twins.file(TEMP, NEW, 0o600)
    assert (await commit(twins, temp=TEMP, source="", mode=mode))[0] == 0


@pytest.mark.parametrize("synced", [True, False])
@pytest.mark.parametrize("sha256", ["", digest(NEW), digest(b"")], ids=["unknown", "right", "of_nothing"])
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_file_that_was_sent_before_is_put_in_place(
    twins: Twins, arrived: bool, sha256: str, synced: bool
) -> None:
    """Whatever was promised: when nothing arrived nothing is replaced, least of all by an empty file."""
    twins.file(TARGET, b"old\n")
    if arrived:
        twins.file(TEMP, NEW, 0o600)
    code, _, _ = await commit(twins, temp=TEMP, source="", sha256=sha256, synced=synced)
    good = arrived and sha256 != digest(b"")
    assert (code == 0) is good
    assert ((twins.model / "etc/conf").read_bytes() == NEW) is good


@pytest.mark.parametrize("source", ["/var/tmp/none", "/var/tmp", "/etc/conf/below", "/var/tmp/link"])
async def test_a_copy_of_what_is_not_there(twins: Twins, source: str) -> None:
    twins.file(TARGET, b"old\n")
    twins.link("/var/tmp/link", "none")
    assert (await commit(twins, source=source))[0] == 1


async def test_a_file_is_staged_copied_and_put_in_place(twins: Twins) -> None:
    answers = [
        await run_in_tree(twins.real, ssh_scripts.stage(), b"", {}),
        transfer(twins.model, ssh_scripts.stage(), b""),
    ]
    for root, (code, out, said) in zip(twins.roots, answers, strict=True):
        assert (code, said) == (0, b"")
        assert re.fullmatch(rb"/var/tmp/tke-tui\.\w{8}\n", out)
        staged = root / out.decode().strip().lstrip("/")
        assert staged.stat().st_mode & 0o7777 == 0o700
        staged.rename(root / "var/tmp/tke-tui.staged")
    twins.file("/var/tmp/tke-tui.staged/file", NEW, 0o600)
    assert (await commit(twins, source="/var/tmp/tke-tui.staged/file", sha256=digest(NEW)))[0] == 0


@pytest.mark.parametrize("instead", ["nothing", "file"])
async def test_nothing_is_staged_without_a_place_for_it(twins: Twins, instead: str) -> None:
    for root in twins.roots:
        (root / "var/tmp").rmdir()
        if instead == "file":
            (root / "var/tmp").touch()
    assert (await both(twins, ssh_scripts.stage()))[0] == 1


# --- one after the other ---

NAMES = ("/a", "/a/b", "/b", "/b/c", "/l", "/l/d", "/m")
_COMMITS = st.tuples(
    st.just("commit"), st.sampled_from(NAMES), st.sampled_from(["-", "", "/a", "/b"]), st.booleans(),
    st.sampled_from([0o600, 0o755]),
)  # fmt: skip
_READS = st.tuples(st.just("read"), st.sampled_from(NAMES), st.just(""), st.booleans(), st.just(0))


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    directories=st.sets(st.sampled_from(["/a", "/b"])),
    link=st.sampled_from(["", "a", "/b", "/m", "l"]),
    requests=st.lists(st.one_of(_COMMITS, _READS), min_size=2, max_size=5),
)
def test_whatever_comes_one_after_the_other(
    twins: Twins, directories: set[str], link: str, requests: list[tuple[str, str, str, bool, int]]
) -> None:
    twins.clear()
    for directory in sorted(directories):
        twins.directory(directory)
    if link:
        twins.link("/l", link)

    async def run() -> None:
        for number, (what, name, source, flag, mode) in enumerate(requests):
            if what == "read":
                await both(twins, ssh_scripts.read(name, 100))
            else:
                content = b"%d\n" % number
                await commit(twins, name, source=source, content=content, mode=mode, synced=flag)

    asyncio.run(run())

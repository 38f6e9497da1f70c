"""Model commands about files: the coreutils that `Node` uses, in Python, on the machine's root directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tke_tui.core.remote.packages import MERGE
from tke_tui.lab.machine import Command, ModelMachine, Reply


def _words(argv: Sequence[str]) -> list[str]:
    return [word for word in argv if not word.startswith("-")]


def test_command(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    words = [word for word in argv if word != "-a"]
    checks = {"-e": Path.exists, "-f": Path.is_file, "-d": Path.is_dir, "-x": _executable, "-w": _writable}
    for flag, path in zip(words[::2], words[1::2], strict=True):
        if flag == "-L":
            good = machine.entry(path).is_symlink()
        else:
            good = checks[flag](machine.path(path))
        if not good:
            return Reply(1)
    return Reply()


def _executable(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o111)


def _writable(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o200)


def stat_command(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.path(argv[-1])
    if not path.exists():
        return Reply(1, "", f"stat: cannot statx '{argv[-1]}': No such file or directory\n")
    if "%.9Y" in argv:
        return Reply(0, f"{path.stat().st_mtime:.9f}\n")
    return Reply(0, f"{stat.S_IMODE(path.stat().st_mode):o} 0 0\n")


def cat(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.path(argv[-1])
    if not path.is_file():
        return Reply(1, "", f"cat: {argv[-1]}: No such file or directory\n")
    return Reply(0, path.read_text())


def grep(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `grep -sH "" -- FILES`."""
    if list(argv[:3]) != ["-sH", "", "--"]:
        return None
    found = [(name, machine.path(name)) for name in argv[3:]]
    lines = [
        f"{name}:{line}" for name, path in found if path.is_file() for line in path.read_text().splitlines()
    ]
    complete = all(path.is_file() for _, path in found)
    return Reply(0 if complete else 2, "".join(f"{line}\n" for line in lines))


def sha256sum(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.path(argv[-1])
    if not path.is_file():
        return Reply(1, "", f"sha256sum: {argv[-1]}: No such file or directory\n")
    return Reply(0, f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {argv[-1]}\n")


def mkdir(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.path(argv[-1])
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        return Reply(1, "", f"mkdir: cannot create directory '{argv[-1]}': File exists\n")
    if "-m" in argv:
        path.chmod(int(argv[argv.index("-m") + 1], 8))
    return Reply()


def rm(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.entry(argv[-1])
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return Reply()


def cp(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    source, target = _words(argv)
    shutil.copy2(machine.path(source), machine.path(target))
    return Reply()


def chmod(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    mode, name = _words(argv)
    path = machine.path(name)
    if not path.exists():
        return Reply(1, "", f"chmod: cannot access '{name}': No such file or directory\n")
    path.chmod(path.stat().st_mode | 0o111 if mode == "+x" else int(mode, 8))
    return Reply()


def ln(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    target, name = _words(argv)
    path = machine.entry(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return Reply()


def readlink(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.entry(argv[-1])
    return Reply(0, f"{path.readlink()}\n") if path.is_symlink() else Reply(1)


def lsattr(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    flags = (
        "----i---------e-------"
        if argv[-1] in machine.facts.get("immutable", ())
        else "--------------e-------"
    )
    return Reply(0, f"{flags} {argv[-1]}\n")


def tar(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `tar -xzf TARBALL --no-same-owner --strip-components=N -C DIRECTORY`."""
    if argv[0] != "-xzf" or argv[2] != "--no-same-owner" or argv[4] != "-C":
        return None
    strip, target = int(argv[3].partition("=")[2]), machine.path(argv[5])
    try:
        with tarfile.open(machine.path(argv[1]), "r:gz") as archive:
            for member in archive:
                parts = [part for part in member.name.split("/") if part not in ("", ".")][strip:]
                if parts:
                    _extract(archive, member, target.joinpath(*parts))
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        return Reply(2, "", f"tar: {argv[1]}: {error}\ntar: Error is not recoverable: exiting now\n")
    return Reply()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Directories, files and symbolic links: what packages hold. `TarFile.extract` has filters from 3.11.4 on only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.unlink(missing_ok=True)
        path.symlink_to(member.linkname)
    elif (content := archive.extractfile(member)) is not None:
        path.write_bytes(content.read())
        path.chmod(member.mode)


def sh(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """What the merge script of the packages does: every file of a tree is renamed into place in another one."""
    if list(argv[:2]) != ["-c", MERGE]:
        return None
    source, target = argv[3:]
    top = machine.path(source)
    for path in sorted(top.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        new = machine.entry(f"{target.rstrip('/')}/{path.relative_to(top)}")
        new.parent.mkdir(parents=True, exist_ok=True)
        aside = new.with_name(f"{new.name}.tke-tui")
        aside.unlink(missing_ok=True)
        os.link(path, aside, follow_symlinks=False)
        aside.replace(new)
    return Reply()


COMMANDS: dict[str, Command] = {
    "cat": cat,
    "chmod": chmod,
    "cp": cp,
    "grep": grep,
    "ln": ln,
    "lsattr": lsattr,
    "mkdir": mkdir,
    "readlink": readlink,
    "rm": rm,
    "sh": sh,
    "sha256sum": sha256sum,
    "stat": stat_command,
    "tar": tar,
    "test": test_command,
}

"""Model commands about files: the coreutils that `Node` uses, in Python, on the machine's root directory.

They do, answer and complain as GNU's do (a test gives the same to both), but to root: nothing is unreadable.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from tke_tui.lab.machine import Command, ModelMachine, Reply
from tke_tui.lab.tree import make_directory

_NONE, _DIRECTORY, _FILE = "No such file or directory", "Is a directory", "Not a directory"


def _words(argv: Sequence[str]) -> list[str]:
    return [word for word in argv if not word.startswith("-")]


def _why_not(path: Path) -> str:
    """Why the content of a file cannot be read; "" when it can."""
    if path.is_dir():
        return _DIRECTORY
    return "" if path.exists() else _missing(path)


def _missing(path: Path) -> str:
    """Why there is nothing at a path."""
    while not path.exists():
        path = path.parent
    return _NONE if path.is_dir() else _FILE


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
    """Not so what nobody may write to: it stands for what root, too, finds read-only."""
    return path.exists() and bool(path.stat().st_mode & 0o200)


def stat_command(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`stat [-L] -c "%.9Y"` and `stat [-L] -c "%a %u %g"`: everything is root's."""
    path = machine.path(argv[-1]) if "-L" in argv else machine.entry(argv[-1])
    if not posixpath.lexists(path):
        return Reply(1, "", f"stat: cannot statx '{argv[-1]}': {_missing(path)}\n")
    state = path.lstat()
    if "%.9Y" in argv:
        return Reply(0, f"{state.st_mtime_ns // 10**9}.{state.st_mtime_ns % 10**9:09d}\n")
    return Reply(0, f"{stat.S_IMODE(state.st_mode):o} 0 0\n")


def cat(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.path(argv[-1])
    if why := _why_not(path):
        return Reply(1, "", f"cat: {argv[-1]}: {why}\n")
    return Reply(0, _text(path))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def grep(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `grep -sH "" -- FILES`."""
    if list(argv[:3]) != ["-sH", "", "--"]:
        return None
    lines, complete = [], True
    for name in argv[3:]:
        path = machine.path(name)
        if path.is_file():
            lines += [
                f"{name}:{line}" for line in _text(path).removesuffix("\n").split("\n") if path.stat().st_size
            ]
        else:
            complete = False
    return Reply(2 if not complete else int(not lines), "".join(f"{line}\n" for line in lines))


def sha256sum(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    name = argv[-1]
    path = machine.path(name)
    told = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if why := _why_not(path):
        return Reply(1, "", f"sha256sum: {name}: {why}\n")
    mark = "\\" if told != name else ""
    return Reply(0, f"{mark}{hashlib.sha256(path.read_bytes()).hexdigest()}  {told}\n")


def mkdir(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`mkdir -p [-m MODE] -- DIRECTORY`; the mode is for the last one, and only when it is made."""
    path = machine.path(argv[-1])
    there = posixpath.isdir(path)
    if said := make_directory(machine.root, argv[-1]):
        return Reply(1, "", f"{said}\n")
    if "-m" in argv and not there:
        path.chmod(int(argv[argv.index("-m") + 1], 8))
    return Reply()


def rm(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`rm -f` and `rm -rf`, with `--one-file-system --`, of one path."""
    path = machine.entry(argv[-1])
    if path.is_dir() and not path.is_symlink():
        if "-rf" not in argv:
            return Reply(1, "", f"rm: cannot remove '{argv[-1]}': {_DIRECTORY}\n")
        shutil.rmtree(path)
    elif posixpath.lexists(path):
        path.unlink()
    return Reply()


def cp(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`cp -p -- SOURCE TARGET`."""
    source, target = _words(argv)
    path, new = machine.path(source), machine.path(target)
    if path.is_dir():
        return Reply(1, "", f"cp: -r not specified; omitting directory '{source}'\n")
    if not path.exists():
        return Reply(1, "", f"cp: cannot stat '{source}': {_missing(path)}\n")
    if new.is_dir():
        new /= posixpath.basename(source)
    elif posixpath.islink(machine.entry(target)) and not new.exists():
        return Reply(1, "", f"cp: not writing through dangling symlink '{target}'\n")
    if not new.parent.is_dir():
        say = "cannot stat" if _missing(new) == _FILE else "cannot create regular file"
        return Reply(1, "", f"cp: {say} '{target}': {_missing(new)}\n")
    if new.exists() and path.samefile(new):
        return Reply(1, "", f"cp: '{source}' and '{target}' are the same file\n")
    shutil.copy2(path, new)
    return Reply()


def chmod(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`chmod MODE`, octal or `+x`, of one path."""
    mode, name = _words(argv)
    path = machine.path(name)
    if not path.exists():
        if machine.entry(name).is_symlink():
            return Reply(1, "", f"chmod: cannot operate on dangling symlink '{name}'\n")
        return Reply(1, "", f"chmod: cannot access '{name}': {_missing(path)}\n")
    path.chmod(path.stat().st_mode | 0o111 if mode == "+x" else int(mode, 8))
    return Reply()


def ln(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    """`ln -sfn -- TARGET NAME`."""
    target, name = _words(argv)
    path = machine.entry(name)
    if path.is_dir() and not path.is_symlink():
        path, name = path / posixpath.basename(target), f"{name}/{posixpath.basename(target)}"
    try:
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    except OSError as error:
        say = "access" if error.strerror == _FILE else "create symbolic link"
        return Reply(1, "", f"ln: failed to {say} '{name}': {error.strerror}\n")
    return Reply()


def readlink(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    path = machine.entry(argv[-1])
    return Reply(0, f"{path.readlink()}\n") if path.is_symlink() else Reply(1)


def touch(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `touch --no-create --date=@SECONDS -- PATH`."""
    if list(argv[:1]) != ["--no-create"] or not argv[1].startswith("--date=@"):
        return None
    path = machine.path(argv[-1])
    if path.exists():
        seconds, _, rest = argv[1].removeprefix("--date=@").partition(".")
        moment = int(seconds) * 10**9 + int(rest.ljust(9, "0")[:9])
        os.utime(path, ns=(moment, moment))
    elif _missing(path) == _FILE:
        return Reply(1, "", f"touch: setting times of '{argv[-1]}': {_FILE}\n")
    return Reply()


def lsattr(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply:
    flags = (
        "----i---------e-------"
        if argv[-1] in machine.facts.get("immutable", ())
        else "--------------e-------"
    )
    return Reply(0, f"{flags} {argv[-1]}\n")


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
    "sha256sum": sha256sum,
    "stat": stat_command,
    "test": test_command,
    "touch": touch,
}

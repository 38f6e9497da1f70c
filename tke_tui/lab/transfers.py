"""What the shell scripts behind file transfer (`ssh_scripts`) do, without a shell: a process each is most of the
work of a lab with many machines. A test gives the same to both and compares what they answer and leave behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import posixpath
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from tke_tui.core.adapters.ssh_scripts import ABSENT, COMMIT, NOT_REPLACED, READ, STAGE, WRONG_CHECKSUM
from tke_tui.lab.tree import inside, make_directory

Reply = tuple[int, bytes, bytes]
_SHELL_ERROR = 2
"""Exit code of sh when it cannot open what stands behind `<`."""


class _Ended(Exception):
    """The script ends here with an exit code and this on stderr."""

    def __init__(self, code: int, said: str) -> None:
        self.code, self.said = code, said


def transfer(root: Path, argv: tuple[str, ...], stdin: bytes) -> Reply:
    """Answer one of the adapter's scripts on the tree `root`."""
    script, words = argv[2], argv[4:]
    try:
        if script == STAGE:
            return 0, _stage(root), b""
        if script == READ:
            return 0, _read(root, words[0], int(words[1])), b""
        assert script == COMMIT
        _commit(root, words, stdin)
    except _Ended as end:
        return end.code, b"", f"{end.said}\n".encode() if end.said else b""
    return 0, b"", b""


def _stage(root: Path) -> bytes:
    try:
        made = tempfile.mkdtemp(prefix="tke-tui.", dir=root / "var/tmp")
    except OSError as error:
        template = "/var/tmp/tke-tui.XXXXXXXX"
        raise _Ended(
            1, f"mktemp: failed to create directory via template '{template}': {error.strerror}"
        ) from None
    return f"/{Path(made).relative_to(root)}\n".encode()


def _read(root: Path, name: str, size: int) -> bytes:
    path = inside(root, name)
    if not posixpath.exists(path):
        raise _Ended(ABSENT, "")
    try:
        with path.open("rb") as file:
            return file.read(size)
    except IsADirectoryError as error:
        raise _Ended(1, f"head: error reading 'standard input': {error.strerror}") from None
    except OSError as error:
        raise _cannot_open(name, error) from None


def _commit(root: Path, words: tuple[str, ...], stdin: bytes) -> None:
    temp_name, target_name, mode, _owner, _group, checksum, source, synced = words
    temp = inside(root, temp_name)
    try:
        if said := make_directory(root, f"{target_name.rpartition('/')[0]}/"):
            raise _Ended(1, said)
        if source:
            _fill(root, temp_name, source, stdin)
        elif not synced and not posixpath.exists(temp):
            raise _Ended(1, f"dd: failed to open '{temp_name}': No such file or directory")
        if checksum:
            _compare(temp_name, temp, checksum)
        if not posixpath.exists(temp):
            raise _Ended(1, f"chown: cannot access '{temp_name}': No such file or directory")
        temp.chmod(int(mode, 8))
        _rename(temp, inside(root, target_name, follow=False), target_name)
    finally:
        with contextlib.suppress(OSError):
            temp.unlink()


def _fill(root: Path, name: str, source: str, stdin: bytes) -> None:
    """`dd` from stdin ("-") or from a file."""
    try:
        read: BinaryIO = io.BytesIO(stdin) if source == "-" else inside(root, source).open("rb")
    except IsADirectoryError as error:
        raise _Ended(1, f"dd: error reading '{source}': {error.strerror}") from None
    except OSError as error:
        raise _Ended(1, f"dd: failed to open '{source}': {error.strerror}") from None
    with read:
        try:
            write = inside(root, name).open("wb")
        except OSError as error:
            raise _Ended(1, f"dd: failed to open '{name}': {error.strerror}") from None
        with write:
            shutil.copyfileobj(read, write)


def _compare(name: str, temp: Path, checksum: str) -> None:
    try:
        found = hashlib.sha256(temp.read_bytes()).hexdigest()
    except OSError as error:
        raise _cannot_open(name, error) from None
    if found != checksum:
        raise _Ended(WRONG_CHECKSUM, found)


def _rename(temp: Path, target: Path, name: str) -> None:
    """`mv -fT`."""
    try:
        if posixpath.isdir(target) and not posixpath.islink(target):
            raise _Ended(NOT_REPLACED, f"mv: cannot overwrite directory '{name}' with non-directory")
        temp.replace(target)
    except OSError as error:
        raise _Ended(NOT_REPLACED, f"mv: cannot stat '{name}': {error.strerror}") from None


def _cannot_open(name: str, error: OSError) -> _Ended:
    """What sh says, in its own words for a file that is not there."""
    why = "No such file" if isinstance(error, FileNotFoundError) else error.strerror
    return _Ended(_SHELL_ERROR, f"sh: 1: cannot open {name}: {why}")

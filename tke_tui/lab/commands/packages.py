"""Model commands by which packages get onto a machine: tar, and the script that merges a tree into another one.

A test gives the same to them, to GNU tar and to a shell. Of a damaged tarball GNU tar may have unpacked more, or less.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tke_tui.core.remote.packages import MERGE
from tke_tui.lab.machine import Command, ModelMachine, Reply
from tke_tui.lab.tree import make_directory

_FATAL = "tar: Error is not recoverable: exiting now\n"
_FAILED = "tar: Exiting with failure status due to previous errors\n"


def tar(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """Only `tar -xzf TARBALL --no-same-owner --strip-components=N -C DIRECTORY`, as root: modes are kept."""
    if argv[0] != "-xzf" or argv[2] != "--no-same-owner" or argv[4] != "-C":
        return None
    unpacking = _Unpacking(machine, argv[5], int(argv[3].partition("=")[2]))
    if not machine.path(argv[5]).is_dir():
        return Reply(2, "", f"tar: {argv[5]}: Cannot open: No such file or directory\n{_FATAL}")
    try:
        with gzip.open(machine.path(argv[1])) as stream, tarfile.open(fileobj=stream) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                unpacking.extract(member, content.read() if content is not None else b"")
            # The checksum is at the end, behind what tarfile reads.
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        return Reply(2, "", f"tar: {argv[1]}: {error}\n{_FATAL}")
    unpacking.end()
    return Reply(2, "", f"{unpacking.failures}{_FAILED}") if unpacking.failures else Reply()


class _Unpacking:
    """Members of an archive on their way into `directory`. `TarFile.extract` has filters from 3.11.4 on only."""

    def __init__(self, machine: ModelMachine, directory: str, strip: int) -> None:
        self._machine, self._directory, self._strip = machine, directory, strip
        self._modes: dict[Path, int] = {}
        self.failures = ""

    def extract(self, member: tarfile.TarInfo, content: bytes) -> None:
        """Directories, files, links: what packages hold."""
        name = self._stripped(member.name)
        if ".." in member.name.split("/"):
            self.failures += f"tar: {member.name}: Member name contains '..'\n"
        elif name:
            try:
                self._extract(member, name, content)
            except OSError as error:
                self.failures += f"tar: {name}: Cannot open: {error.strerror}\n"

    def _extract(self, member: tarfile.TarInfo, name: str, content: bytes) -> None:
        path = self._machine.entry(f"{self._directory}/{name}")
        make_directory(self._machine.root, posixpath.dirname(f"{self._directory}/{name}"))
        if path.is_symlink() or (path.exists() and not member.isdir()):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if member.isdir():
            path.mkdir(exist_ok=True)
            self._modes[path] = member.mode & 0o7777
        elif member.issym():
            path.symlink_to(member.linkname)
        elif member.islnk():
            other = f"{self._directory}/{self._stripped(member.linkname)}"
            os.link(self._machine.entry(other), path, follow_symlinks=False)
        else:
            path.write_bytes(content)
            path.chmod(member.mode & 0o7777)
            os.utime(path, (member.mtime, member.mtime))

    def end(self) -> None:
        """Directories get their modes last: there may be some into which nothing can be put."""
        for path, mode in self._modes.items():
            path.chmod(mode)

    def _stripped(self, name: str) -> str:
        """A name without its leading parts; a `.` is a part as well. "" for what has no more."""
        return "/".join(name.lstrip("/").split("/")[self._strip :])


def sh(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """What the merge script of the packages does: every file of a tree is renamed into place in another one."""
    if list(argv[:2]) != ["-c", MERGE]:
        return None
    source, target = argv[3:]
    top = machine.path(source)
    if not top.is_dir():
        return Reply(2, "", f"sh: 2: cd: can't cd to {source}\n")
    for path in sorted(top.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = f"{target.rstrip('/')}/{path.relative_to(top)}"
        if said := make_directory(machine.root, posixpath.dirname(name)) or _put(machine, path, name):
            return Reply(1, "", f"{said}\n")
    return Reply()


def _put(machine: ModelMachine, path: Path, name: str) -> str:
    """Put one file in place; what is said when it cannot be."""
    new = machine.entry(name)
    aside = new.with_name(f"{new.name}.tke-tui")
    if aside.is_dir() and not aside.is_symlink():
        return f"rm: cannot remove '{name}.tke-tui': Is a directory"
    aside.unlink(missing_ok=True)
    try:
        os.link(path, aside, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, aside, follow_symlinks=False)
    if new.is_dir() and not new.is_symlink():
        return f"mv: cannot overwrite directory '{name}' with non-directory"
    if posixpath.lexists(new) and posixpath.samestat(aside.lstat(), new.lstat()):
        return f"mv: '{name}.tke-tui' and '{name}' are the same file"
    aside.replace(new)
    return ""


COMMANDS: dict[str, Command] = {"sh": sh, "tar": tar}

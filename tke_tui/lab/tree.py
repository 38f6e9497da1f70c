"""Paths of a machine whose root file system is a directory of this host."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

MOST_LINKS = 40
"""Symbolic links that are followed on one path, as by Linux."""


def inside(root: Path, absolute: str, *, follow: bool = True) -> Path:
    """Where a path of the machine is on this host: as after chroot(2), no link and no `..` leads out of `root`.

    What is not there is taken by its name. `follow` False leaves the last part alone when it is a link; so is the
    link at which there were too many.
    """
    # Texts, since a Path for every part is what a lab with many machines would mostly be busy with.
    top = where = str(root)
    parts = absolute.rstrip("/").split("/")[::-1]
    links = 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            where = where.rpartition("/")[0] if where != top else top
            continue
        here = f"{where}/{part}"
        if parts or follow:
            try:
                target = os.readlink(here)  # noqa: PTH115
            except OSError:
                where = here
                continue
            links += 1
            if links <= MOST_LINKS:
                parts += target.split("/")[::-1]
                where = top if target.startswith("/") else where
                continue
        where = here
    return Path(where)


def make_directory(root: Path, name: str) -> str:
    """`mkdir -p NAME` with umask 022 on the machine: what it says when it cannot, "" when the directory is there."""
    # The functions of posixpath take names that are too long for names that are not there; those of Path raise.
    if posixpath.isdir(inside(root, name)):
        return ""
    parts = [part for part in name.split("/") if part]
    where = ""
    for number, part in enumerate(parts, 1):
        where += f"/{part}"
        path, last = inside(root, where), number == len(parts)
        if posixpath.isdir(path):
            continue
        told = where + ("/" if last and name.endswith("/") else "")
        said = f"mkdir: cannot create directory '{told}': "
        if posixpath.islink(path):
            begin = f"mkdir: cannot stat '{told}': " if told.endswith("/") else said
            return f"{begin}Too many levels of symbolic links"
        if posixpath.islink(inside(root, where, follow=False)) or (last and posixpath.exists(path)):
            return f"{said}File exists"
        if posixpath.exists(path):
            return f"{said}Not a directory"
        try:
            path.mkdir()
        except OSError as error:
            return f"{said}{error.strerror}"
        path.chmod(path.stat().st_mode & 0o7000 | 0o755)
    return ""

"""What an error of this host's own disk means and what to do about it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from tke_tui.core.errors import Fatal, StateError

_FIXES = {
    errno.ENOSPC: "Free space on the disk of {place}, then run it again.",
    errno.EDQUOT: "Raise the quota on the disk of {place} or free space there, then run it again.",
    errno.EROFS: "The file system of {place} is read-only: choose another directory with --dir.",
    errno.EACCES: "Correct the permissions of {place}, or run it as the user it belongs to.",
    errno.EPERM: "Correct the permissions of {place}, or run it as the user it belongs to.",
    errno.ENOTDIR: "Choose another directory with --dir.",
    errno.EEXIST: "Choose another directory with --dir.",
    errno.ENOENT: "Choose a directory on a real disk with --dir.",
    errno.EIO: "The disk of {place} is failing: look at the kernel log (dmesg).",
    errno.EMFILE: "Raise the limit of open files (ulimit -n 65536), then run it again.",
    errno.ENFILE: "Raise the limit of open files of this host (sysctl fs.file-max), then run it again.",
}
_EVERYWHERE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


def disk_problem(error: OSError) -> Fatal | None:
    """The explanation of an `OSError` that says that this host is out of order; None when it may mean anything."""
    if error.errno not in _EVERYWHERE:
        return None
    place = str(error.filename or "the installation directory")
    return Fatal(
        f"This host cannot go on: {error.strerror}",
        detail=f"{place}: {error.strerror}",
        fix=_fix(error, place),
    )


@contextlib.contextmanager
def usable(directory: Path) -> Iterator[None]:
    """Turn every `OSError` of the block into a `StateError` on the installation directory."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or directory)
        raise StateError(
            f"The installation directory {directory} cannot be used",
            detail=f"{place}: {error.strerror or error}",
            fix=_fix(error, place),
        ) from None


def _fix(error: OSError, place: str) -> str:
    return _FIXES.get(error.errno or 0, "Choose another directory with --dir.").format(place=place)


def named(error: OSError, path: Path) -> OSError:
    """The same error with a file name: writing to an open file leaves it out."""
    number = error.errno or errno.EIO
    return OSError(number, error.strerror or os.strerror(number), str(path))

"""The installation directories that the screens were opened on, last used first: a list of this user's own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tke_tui.core.errors import TkeError
from tke_tui.core.paths import APP, InstallDir, write_private

MOST = 12
"""Directories that are remembered."""

_LARGEST = 1 << 16
"""Bytes of a list that is read at all."""


@dataclass(frozen=True, slots=True)
class Recent:
    """A directory, and when it was opened last (seconds since the epoch)."""

    directory: Path
    at: float


def recent_file() -> Path | None:
    """Where the list is kept (XDG state directory of the user); None for a user without a home."""
    try:
        return Path(platformdirs.user_state_dir(APP)) / "recent.json"
    except RuntimeError:
        return None


def remember(file: Path | None, directory: Path, at: float) -> None:
    """Put a directory first in the list. Never raises: what cannot be kept is only a comfort lost."""
    if file is None:
        return
    directory = directory.absolute()
    others = [each for each in _read(file) if each.directory != directory]
    kept = [Recent(directory, at), *others][:MOST]
    document = [{"directory": os.fspath(each.directory), "at": each.at} for each in kept]
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, json.dumps(document, indent=1) + "\n")
    except (OSError, TkeError):
        return


def recent(file: Path | None, without: Path) -> list[Recent]:
    """The directories of the list that still hold an installation or what was filled in; `without` is left out.

    Never raises; a list that cannot be read is an empty one.
    """
    without = without.absolute()
    return [each for each in _read(file) if each.directory != without and _is_used(each.directory)]


def _read(file: Path | None) -> list[Recent]:
    if file is None:
        return []
    try:
        with file.open("rb") as source:
            document = json.loads(source.read(_LARGEST))
        found = [Recent(Path(each["directory"]), float(each["at"])) for each in document]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [each for each in found if each.directory.is_absolute()][:MOST]


def _is_used(directory: Path) -> bool:
    place = InstallDir(directory)
    try:
        return place.para.exists() or place.draft.exists()
    except (OSError, ValueError):
        return False

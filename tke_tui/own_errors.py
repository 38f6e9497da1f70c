"""Errors of the program itself: explained to the person, kept in a file for the report, never shown as a traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

from tke_tui.core.errors import ExitCode, TkeError
from tke_tui.core.paths import InstallDir, write_private
from tke_tui.messages import _


class OwnError(TkeError):
    """The program is wrong, not the person."""

    exit_code = ExitCode.INTERNAL


def explained(error: BaseException, directory: InstallDir | None = None) -> TkeError:
    """An error as it is when it explains itself; else where it happened goes to a file, if there is a place for it.

    The file holds file names, line numbers and the exception's text, no values of variables.
    """
    if isinstance(error, TkeError):
        return error
    kept = _keep(error, directory) if directory is not None else None
    fix = _("The engine is not touched by this: what is running goes on. Come back with: tke-tui attach")
    if kept is not None:
        fix += "\n" + _("Please report it with this file: {path}").format(path=kept)
    return OwnError(
        _("The terminal UI stopped on an error of its own"),
        detail=f"{type(error).__name__}: {error}",
        fix=fix,
    )


def _keep(error: BaseException, directory: InstallDir) -> Path | None:
    path = directory.logs / "ui-error.txt"
    try:
        if not directory.logs.is_dir():
            return None
        write_private(path, "".join(traceback.format_exception(error)))
    except OSError:
        return None
    return path

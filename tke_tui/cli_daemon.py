"""The hidden sub-command `engine`: the process that works in an installation directory, started by the others."""

from __future__ import annotations

from pathlib import Path

from tke_tui.core.daemon.detach import close_inherited, detach
from tke_tui.core.daemon.seat import Seat
from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import ExitCode, StateError
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.passphrase import passphrase


def engine(
    directory: Path | None, bundle: Path | None, *, idle: float, ended: float, foreground: bool
) -> int:
    """Serve the directory in a detached process; returns once its socket is there. The exit code.

    Raises `SeatTaken` when another process serves it already, `StateError` or `UsageError` when it cannot be used.
    """
    place = InstallDir((directory or default_directory()).absolute())
    close_inherited()
    passphrase()
    seat = Seat(place)
    with usable(place.root):
        foreign = place.foreign()
        if foreign:
            raise StateError(
                f"{place.root} is not empty and is no installation",
                detail=f"it holds {', '.join(foreign[:3])}{' and more' if len(foreign) > 3 else ''}",
                fix="Choose a new or an empty directory with --dir.",
            )
        place.create()
        # The mark that the directory is ours, before anything of ours is in it.
        place.lock.touch(mode=0o600)
    seat.take()
    if not foreground and not detach(place.engine_log):
        return int(ExitCode.OK)
    from tke_tui.core.daemon.process import serve

    serve(
        place,
        seat,
        passphrase=passphrase,
        bundle=None if bundle is None else bundle.absolute(),
        idle=idle,
        ended=ended,
    )
    return int(ExitCode.OK)

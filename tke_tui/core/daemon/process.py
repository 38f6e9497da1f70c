"""The engine process: detached from whoever started it, serving its directory for as long as it is of use."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from aiohttp import web

from tke_tui import __version__
from tke_tui.core.daemon.api import make_app
from tke_tui.core.daemon.desk import Desk
from tke_tui.core.daemon.seat import Seat
from tke_tui.core.open_files import allow_many_connections
from tke_tui.core.paths import InstallDir

IDLE = 60.0
"""Seconds after which a process that was never given work ends when nobody asks anything of it."""
LEFT = 2.0
"""Seconds that such a process stays when the last of those that followed it has left."""
ENDED = 300.0
"""Seconds that it stays after the work ended and the last client left, so that a failure can be tried again."""

_CLOSING = 2.0
"""Seconds that requests under way get when the process ends."""


def serve(
    directory: InstallDir,
    seat: Seat,
    *,
    passphrase: Callable[[], str | None],
    bundle: Path | None,
    idle: float = IDLE,
    ended: float = ENDED,
) -> None:
    """Serve until nobody needs it any more, or SIGTERM: then the run is stopped as a person would stop it.

    `seat` is taken; it is left at the end. SIGHUP is ignored.
    """
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    allow_many_connections()
    note(f"engine process {os.getpid()} of tke-tui {__version__} serves {directory.root}")
    try:
        asyncio.run(_serve(directory, seat, passphrase, bundle, idle, ended))
    finally:
        seat.leave()
        note("ended")


def note(text: str) -> None:
    """One line to engine.log."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", file=sys.stderr, flush=True)


async def _serve(
    directory: InstallDir,
    seat: Seat,
    passphrase: Callable[[], str | None],
    bundle: Path | None,
    idle: float,
    ended: float,
) -> None:
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    desk = Desk(directory, bundle=bundle, passphrase=passphrase, leave=leaving.set)
    await desk.keeper.look()
    async with serving(desk, seat):
        await _of_use(desk, leaving, idle, ended)
        desk.keeper.stop()
        await desk.keeper.ended()


@contextlib.asynccontextmanager
async def serving(desk: Desk, seat: Seat) -> AsyncGenerator[None, None]:
    """Answer on the seat's socket while the block lasts; at its end streams are closed."""
    assert seat.socket is not None
    # Cancelled handlers: a stream ends at once when its reader goes away.
    runner = web.AppRunner(
        make_app(desk), access_log=None, handler_cancellation=True, shutdown_timeout=_CLOSING
    )
    await runner.setup()
    try:
        await web.SockSite(runner, seat.socket).start()
        yield
    finally:
        desk.hub.close()
        await runner.cleanup()


async def _of_use(desk: Desk, leaving: asyncio.Event, idle: float, ended: float) -> None:
    """Returns when the process is to end."""
    while not leaving.is_set():
        desk.keeper.changed.clear()
        desk.presence.changed.clear()
        phase, absence = desk.keeper.phase, desk.presence.absence()
        rest = None
        if phase != "running" and absence is not None:
            rest = _patience(desk, idle, ended) - absence
            if rest <= 0:
                note(f"nobody needs it any more ({phase})")
                return
        waits = [
            asyncio.ensure_future(event.wait())
            for event in (leaving, desk.keeper.changed, desk.presence.changed)
        ]
        await asyncio.wait(waits, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    note("told to end")


def _patience(desk: Desk, idle: float, ended: float) -> float:
    """Seconds without anybody after which a process that is not at work has no use any more."""
    if desk.keeper.worked:
        return ended
    return min(idle, LEFT) if desk.presence.was_followed else idle

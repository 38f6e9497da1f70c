"""The socket of an installation that runs in a terminal: others may look on, and get the commands when it has ended."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from tke_tui.core.daemon.desk import Desk
from tke_tui.core.daemon.process import serving
from tke_tui.core.daemon.seat import Seat
from tke_tui.core.engine import Listener
from tke_tui.core.errors import TkeError
from tke_tui.core.paths import InstallDir


def _nobody() -> tuple[Listener, ...]:
    return ()


@contextlib.asynccontextmanager
async def looked_on(
    directory: InstallDir, who: str, *, passphrase: Callable[[], str | None], told: Callable[[str], None]
) -> AsyncGenerator[tuple[Listener, ...], None]:
    """Serve the socket, read-only, while the block lasts; gives the listeners that the run needs for it.

    `who` runs it ("root on pts/3"). Without a socket the run goes on as well: the reason is `told`, and the listeners
    are none.
    """
    async with contextlib.AsyncExitStack() as stack:
        listeners = _nobody()
        try:
            directory.create()
            seat = Seat(directory)
            seat.take()
            stack.callback(seat.leave)
            desk = Desk(directory, foreground=who, passphrase=passphrase)
            await stack.enter_async_context(serving(desk, seat))
            listeners = (desk.hub,)
        except (TkeError, OSError) as error:
            told(f"Nobody can attach to this run: {error}")
        yield listeners

"""The engine for screens that need one before an installation has begun: to try logins, to run checks, to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tke_tui.app import TkeApp
    from tke_tui.client import EngineClient


async def engine_of(app: TkeApp) -> EngineClient:
    """The client the app has; when no engine lives behind it, one is started and followed. Raises `TkeError`."""
    before = app.attachment
    if before is not None:
        status = before.status
        if status is None or status.alive:
            return app.client
    client = await app.context.connect()
    if app.attachment is not before and app.attachment is not None:
        # Somebody else was faster.
        if client is not app.client:
            await client.close()
        return app.client
    app.attach(client)
    return client

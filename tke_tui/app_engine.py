"""The part of the app that has to do with what is outside: the engine and the terminal."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.app import App
from textual.geometry import Size
from textual.screen import Screen
from textual.timer import Timer

from tke_tui.app_context import AppContext
from tke_tui.core.errors import TkeError
from tke_tui.recent import remember
from tke_tui.ui_messages import ConnectionChanged, ViewChanged

if TYPE_CHECKING:
    from tke_tui.attachment import Attachment
    from tke_tui.client import EngineClient
    from tke_tui.view_state import ViewState
    from tke_tui.view_types import Changes

SETTLED = 0.15
"""Seconds without a further change after which the terminal counts as resized."""


class EngineApp(App[None]):
    """`attachment` is what follows the engine once there is one; `problem` what the app ended on."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.problem: Exception | None = None
        self.attachment: Attachment | None = None
        self._redraw: Timer | None = None

    # --- engine --------------------------------------------------------------------------------------------------

    @property
    def attached(self) -> bool:
        """Whether there is a picture of the installation: an engine is followed, and has told its history."""
        return self.attachment is not None and self.attachment.caught_up

    @property
    def view(self) -> ViewState:
        """The picture of the installation; only after `attach`."""
        return self._attachment.view

    @property
    def client(self) -> EngineClient:
        """The way to give commands; only after `attach`. Ask each time: it is another one after a reconnection."""
        return self._attachment.client

    @property
    def banner(self) -> str:
        """A sentence on a lost or absent engine; "" when there is nothing to tell."""
        return self.attachment.banner if self.attachment is not None else ""

    @property
    def engine_works(self) -> bool:
        """Whether an engine is at work that goes on when this app ends."""
        status = self.attachment.status if self.attachment is not None else None
        if status is None or not status.alive or self.view.ended:
            return False
        # One that was only needed to try logins has nothing to go on with.
        return status.phase == "running" or self.view.started > 0

    def attach(self, client: EngineClient) -> None:
        """From now on this client is followed, and nobody else."""
        from tke_tui.attachment import Attachment

        self.attachment = Attachment(self.context, client, self._view_changed, self._banner_changed)
        self._banner_changed("")
        self.remember()
        self._follow(self.attachment)

    def detach(self) -> None:
        """Follow nobody any more; whatever the engine does goes on."""
        self.workers.cancel_group(self, "engine")
        self.attachment = None

    @work(thread=True, group="remember", exit_on_error=False)
    def remember(self) -> None:
        """Offer this directory on the first screen in times to come."""
        remember(self.context.recent_path, self.context.directory.root, self.context.clock())

    @property
    def _attachment(self) -> Attachment:
        if self.attachment is None:
            raise RuntimeError("not attached to an engine")
        return self.attachment

    @work(exclusive=True, group="engine", exit_on_error=False)
    async def connect_to_engine(self, switched: Awaitable[object]) -> None:
        """Once the screen is there that is told."""
        await switched
        try:
            client = await (self.context.connect if self.context.begin else self.context.attach)()
            # One that is at work needs no such word, and may listen to somebody else.
            if self.context.begin and (await client.status()).phase != "running":
                await client.resume()
        except TkeError as error:
            self.problem = error
            self.exit(return_code=int(error.exit_code))
            return
        self.attach(client)

    @work(exclusive=True, group="start", exit_on_error=False)
    async def start_again(self) -> None:
        client = await self.context.connect()
        await client.resume()
        self.attach(client)

    @work(exclusive=True, group="engine", exit_on_error=False)
    async def _follow(self, attachment: Attachment) -> None:
        try:
            await attachment.follow()
        except asyncio.CancelledError:
            await attachment.close()
            raise

    def _view_changed(self, changes: Changes | None) -> None:
        for screen in self._visible():
            screen.post_message(ViewChanged(changes))

    def _banner_changed(self, banner: str) -> None:
        for screen in self._visible():
            screen.post_message(ConnectionChanged(banner))
        self.refresh_bindings()

    def _visible(self) -> Sequence[Screen[Any]]:
        """The screen on top, and those that shine through dialogs."""
        seen: list[Screen[Any]] = []
        for screen in reversed(self.screen_stack):
            seen.append(screen)
            if not screen.is_modal:
                break
        return seen

    # --- terminal ------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._hear_resizes()
        # Textual's own handler is there again after the terminal was lent to another program.
        self.app_resume_signal.subscribe(self, lambda _app: self._hear_resizes())

    def _hear_resizes(self) -> None:
        """Hear SIGWINCH in the event loop.

        Textual's own handler may be interrupted by the next one while it reports a size; then the older size stays.
        """
        if not self.is_headless and not self.is_web:
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._resized)

    def _resized(self) -> None:
        size = Size(*shutil.get_terminal_size())
        self.post_message(events.Resize(size, size))

    def on_resize(self) -> None:
        """Draw all of it once the size has settled: the terminal has forgotten what was outside for a moment."""
        if self._redraw is not None:
            self._redraw.stop()
        self._redraw = self.set_timer(SETTLED, self.refresh)

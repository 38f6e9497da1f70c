"""What the API works with: the directory's keeper, the event hub, who is in control, who is present."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tke_tui import __version__
from tke_tui.core import events as ev
from tke_tui.core.daemon.answers import problem
from tke_tui.core.daemon.control import Client, Control
from tke_tui.core.daemon.hub import Hub
from tke_tui.core.daemon.keeper import Keeper
from tke_tui.core.daemon.questions import Questions
from tke_tui.core.daemon.seat import Peer
from tke_tui.core.errors import UsageError
from tke_tui.core.paths import InstallDir

_LONGEST_LABEL = 60


class ReadOnly(UsageError):
    """The engine runs in the foreground of a terminal, where it gets its commands."""


class Presence:
    """Counts the requests that are being answered, streams included.

    `was_followed` says that somebody has listened to the events: a client that is there for longer than a request.
    """

    def __init__(self) -> None:
        self._count = 0
        self._since = time.monotonic()
        self.was_followed = False
        self.changed = asyncio.Event()

    @contextlib.contextmanager
    def somebody(self) -> Iterator[None]:
        self._count += 1
        self.changed.set()
        try:
            yield
        finally:
            self._count -= 1
            self._since = time.monotonic()
            self.changed.set()

    def absence(self) -> float | None:
        """Seconds since the last request ended; None while there is one."""
        return None if self._count else time.monotonic() - self._since


@dataclass
class Desk:
    """One per process. `foreground` is the phrase of who runs the engine in a terminal; "" = the engine is its own.

    `bundle` is used for inputs that name none, `leave` ends the process.
    """

    directory: InstallDir
    foreground: str = ""
    bundle: Path | None = None
    passphrase: Callable[[], str | None] = lambda: None
    leave: Callable[[], None] = lambda: None
    started: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.hub = Hub(self.directory.journal)
        self.questions = Questions(self.hub.tell, time.time)
        self.control = Control(self.hub.greet_again)
        self.keeper = Keeper(self.directory, self.hub, self.questions, passphrase=self.passphrase)
        self.presence = Presence()

    def greeting(self, client: Client) -> list[ev.Event]:
        """What everybody is told who attaches, and again when control changes."""
        controller = ev.ControlChanged(
            at=time.time(),
            controller=self.foreground or self.control.phrase,
            mine=not self.foreground and self.control.is_held_by(client.id),
        )
        return [controller, *self.questions.open]

    def require(self, client: Client) -> None:
        """Let a command of this client pass, or raise `ReadOnly` or `NotInControl`."""
        if self.foreground:
            raise ReadOnly(
                "This installation runs in the foreground of a terminal",
                detail=f"started by {self.foreground}",
                fix="Give commands there; after it ended, continue with: tke-tui --resume",
            )
        self.control.require(client)

    def status(self, client: Client) -> dict[str, Any]:
        keeper = self.keeper
        return {
            "pid": os.getpid(),
            "version": __version__,
            "started": self.started,
            "directory": str(self.directory.root),
            "phase": "running" if self.foreground else keeper.phase,
            "run": "doing" if self.foreground else keeper.status,
            "controller": self.foreground or self.control.phrase,
            "mine": not self.foreground and self.control.is_held_by(client.id),
            "readOnly": bool(self.foreground),
            "problem": None if keeper.problem is None else problem(keeper.problem),
        }


DESK = web.AppKey("desk", Desk)


def client_of(request: web.Request, peer: Peer) -> Client:
    """Who asks, by the headers X-Client (any text of its own) and X-Client-Name (for people)."""
    label = "".join(c for c in request.headers.get("X-Client-Name", "") if c.isprintable())[:_LONGEST_LABEL]
    return Client(request.headers.get("X-Client", "")[:_LONGEST_LABEL], label or _who(peer))


def _who(peer: Peer) -> str:
    try:
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        name = f"user {peer.uid}"
    return f"{name} (process {peer.pid})"

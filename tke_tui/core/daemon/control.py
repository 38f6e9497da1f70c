"""Who gives the commands: one client at a time, so that two people do not steer the same installation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tke_tui.core.errors import UsageError

PATIENCE = 15.0
"""Seconds that a client which took over keeps control without being attached and without a request."""


class NotInControl(UsageError):
    """Another client gives the commands."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: `id` is made by the client itself ("" = a single request, e.g. of curl), `label` is for people."""

    id: str
    label: str


class Control:
    """`changed` is called whenever another client, or nobody, gets the commands. Clocks give seconds."""

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._monotonic = monotonic
        self._holder: Client | None = None
        self._since = 0.0
        self._last_seen = 0.0
        self._attached: Counter[str] = Counter()

    @property
    def phrase(self) -> str:
        """`root on pts/3 since 14:02`; "" when nobody has the commands."""
        self._expire()
        if self._holder is None:
            return ""
        return f"{self._holder.label} since {time.strftime('%H:%M', time.localtime(self._since))}"

    def is_held_by(self, client: str) -> bool:
        self._expire()
        return self._holder is not None and self._holder.id == client

    def require(self, client: Client) -> None:
        """Let a command pass; who is attached and finds the commands free gets them. Raises `NotInControl`."""
        self._expire()
        if self._holder is None:
            if self._attached[client.id] and client.id:
                self.take(client)
        elif self._holder.id != client.id:
            raise NotInControl(
                "Another client gives the commands",
                detail=self.phrase,
                fix="Take over first, or ask them.",
            )
        else:
            self._last_seen = self._monotonic()

    def take(self, client: Client) -> None:
        """From now on `client` gives the commands, whoever had them. Raises `UsageError` for one without an id."""
        if not client.id:
            raise UsageError(
                "A client that takes over needs a name of its own",
                fix="Send the header X-Client with any text.",
            )
        self._last_seen = self._monotonic()
        if not self.is_held_by(client.id):
            self._holder, self._since = client, self._clock()
            self._changed()

    def attach(self, client: Client, *, claim: bool) -> None:
        """The client listens to the events; `claim` gives it the commands when nobody has them."""
        self._attached[client.id] += 1
        self._expire()
        if claim and client.id and self._holder is None:
            self.take(client)

    def detach(self, client: Client) -> None:
        """It does not listen any more: the commands are free again when they were its own."""
        self._attached[client.id] -= 1
        if not self._attached[client.id]:
            del self._attached[client.id]
            if self.is_held_by(client.id):
                self._release()

    def _expire(self) -> None:
        holder = self._holder
        if holder is None or self._attached[holder.id] or self._monotonic() - self._last_seen < PATIENCE:
            return
        self._release()

    def _release(self) -> None:
        self._holder = None
        self._changed()

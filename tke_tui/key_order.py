"""Keys one after the other, however fast they come.

Textual hands a key to the widget with the focus. A letter is typed there at once, but a key that is bound to an action
climbs from widget to widget up to the app first. Of keys that arrive together (a slow line, a machine under load, a
password manager that types name, tab and password) the letters behind a tab, a backspace or a key that opens a screen
would overtake it, and end in the wrong field. So what comes after such a key waits until that has been dealt with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.timer import Timer
from textual.widgets import Input, TextArea

LONGEST = 0.5
"""Seconds that a key may hold up the next one: whatever takes longer is not about where keys go."""

Typed = events.Key | events.Paste


class KeyOrder:
    """Lets the keys of an app through. `hand_over` is how Textual would have handled one."""

    def __init__(self, app: App[Any], hand_over: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app, self._hand_over = app, hand_over
        self._waiting: deque[Typed] = deque()
        self._turn = 0
        self._watch: Timer | None = None

    async def take(self, event: Typed) -> None:
        """A key, or a pasted text, has come in."""
        if self._watch is not None:
            self._waiting.append(event)
        else:
            await self._let_through(event)

    async def _let_through(self, event: Typed) -> None:
        focused = self._app.focused
        typed = isinstance(event, events.Paste) or event.is_printable
        way: list[MessagePump] = []
        if not (typed and isinstance(focused, Input | TextArea)):
            self._turn += 1
            self._watch = self._app.set_timer(LONGEST, lambda turn=self._turn: self._next(turn))
            way = [*(focused or self._app.screen).ancestors_with_self]
            if way[-1] is not self._app:
                way.append(self._app)
        await self._hand_over(event)
        if way:
            self._follow(way, self._turn)

    def _follow(self, way: list[MessagePump], turn: int) -> None:
        """Behind the key through the queues of all that it climbs through, and of a screen that it has opened."""
        for number, pump in enumerate(way):
            if pump.call_later(self._follow, way[number + 1 :], turn):
                return
        if not self._app.screen.call_later(self._app.call_later, self._next, turn):
            self._app.call_later(self._next, turn)

    async def _next(self, turn: int) -> None:
        """That key is done with, or has had its time: let through what has come since."""
        if turn != self._turn or self._watch is None:
            return
        self._watch.stop()
        self._watch = None
        while self._waiting and self._watch is None:
            await self._let_through(self._waiting.popleft())

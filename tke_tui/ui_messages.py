"""Messages of the app to its screens. All in the past tense: they tell what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tke_tui.core.events import Event
    from tke_tui.view_state import Changes


@dataclass
class ViewChanged(Message, bubble=False):
    """`app.view` has changed: at most four a second, to the screen on top and what shines through below it.

    `changes` says what to draw again; None means everything (the screen was hidden, or the view was begun anew).
    """

    changes: Changes | None


@dataclass
class EngineEvent(Message, bubble=False):
    """A single event that has just arrived and that cannot wait, such as a question of the engine."""

    event: Event


@dataclass
class ConnectionChanged(Message, bubble=False):
    """The way to the engine was lost (`connected` False: the last picture stays) or is there again."""

    connected: bool

"""Messages of the app to its screens. All in the past tense: they tell what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tke_tui.view_types import Changes


@dataclass
class ViewChanged(Message, bubble=False):
    """`app.view` has changed: at most four a second, to the screen on top and what shines through below it.

    `changes` says what to draw again; None means everything (the screen was hidden, or the view was begun anew).
    """

    changes: Changes | None


@dataclass
class ConnectionChanged(Message, bubble=False):
    """The way to the engine was lost or is there again. `banner` is what to tell about it, "" when all is well."""

    banner: str

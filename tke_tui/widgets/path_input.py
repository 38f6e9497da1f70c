"""A line for a path on this host; the right arrow key takes over the completion that is shown behind the cursor."""

from __future__ import annotations

import os
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

_LOOKED_AT = 2000
"""Entries of a directory that are looked at; completing is a help, no search."""


class PathSuggester(Suggester):
    """Completes the last part of a path by what is in its directory, in alphabetical order."""

    def __init__(self, *, directories_only: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.directories_only = directories_only

    async def get_suggestion(self, value: str) -> str | None:
        head, slash, tail = value.rpartition("/")
        if not slash:
            return None
        try:
            # Hidden entries only for whoever begins with a dot.
            found = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry, _number in zip(os.scandir(Path(head + slash).expanduser()), range(_LOOKED_AT))  # noqa: B905
                if entry.name.startswith(tail) and (tail or not entry.name.startswith("."))
                if entry.is_dir() or not self.directories_only
            )
        except (OSError, ValueError, RuntimeError):
            return None
        return head + slash + found[0] if found and found[0] != tail else None


class PathInput(Input):
    """An input line that completes paths and drops the blanks around a pasted one when asked for `path`."""

    def __init__(
        self,
        value: str = "",
        *,
        directories_only: bool = False,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=PathSuggester(directories_only=directories_only),
            id=id,
        )

    @property
    def path(self) -> Path | None:
        """What was typed, with `~` resolved; None for an empty line."""
        text = self.value.strip()
        if not text:
            return None
        try:
            return Path(text).expanduser()
        except RuntimeError:
            return Path(text)

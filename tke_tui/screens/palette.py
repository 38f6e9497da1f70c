"""The command palette: everything that can be done here, found by typing."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandPalette

from tke_tui.messages import N_, _


class Palette(CommandPalette):
    """Textual's palette in the person's language, without its animated line and its two-cell picture."""

    DEFAULT_CSS = """
    Palette SearchIcon, Palette LoadingIndicator, Palette LoadingIndicator.--visible {
        display: none;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", N_("back"), id="screen.back"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder=_("Type to find a command"), id="--command-palette")

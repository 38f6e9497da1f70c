"""What is seen instead of a screen when the terminal has no room for one."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tke_tui.messages import _

WIDTH, HEIGHT = 60, 16
"""The smallest terminal that screens are drawn in; they are made for 80x24."""


def too_small(size: Size) -> bool:
    return size.width < WIDTH or size.height < HEIGHT


class TooSmall(Widget):
    """Covers the whole screen. What is below keeps its state and its focus."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TooSmall {
        overlay: screen;
        position: absolute;
        offset: 0 0;
        width: 100vw;
        height: 100vh;
        background: $background;
        color: $foreground;
        content-align: center middle;
        text-align: center;
    }
    """

    def render(self) -> Content:
        size = self.app.size
        text = _(
            "Terminal too small ({width}x{height}). Make it {least_width}x{least_height} or larger, or use: "
            "tke-tui attach --plain"
        )
        return Content(
            text.format(width=size.width, height=size.height, least_width=WIDTH, least_height=HEIGHT)
        )

"""What the list of steps and the matrix have in common: lines drawn one by one, styles of states, a real cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import getters
from textual.content import Content
from textual.geometry import Offset
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from tke_tui.symbols import State, Symbols

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

BOLD = "bold"
QUIET_CURSOR = "bold underline"
"""Where the cursor will be once the widget has the focus."""

_QUIET = frozenset({State.PENDING, State.SKIPPED, State.LEFT_OUT})

Part = tuple[str, str]
"""Text and style (as `Style.parse` reads it; "" = the widget's own)."""


class StateLines(ScrollView, can_focus=True):
    """A `ScrollView` with `line` to put one together. Text is never read as markup."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StateLines {
        overflow-x: hidden;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._rich_styles: dict[str, RichStyle] = {}
        self._state_styles: dict[State, str] = {}

    @property
    def symbols(self) -> Symbols:
        return self.app.context.symbols

    def state_style(self, state: State) -> str:
        """The style of a state; where there are only the terminal's own colours, unimportant ones are dim."""
        style = self._state_styles.get(state)
        if style is None:
            style = self.symbols.style(state)
            if state in _QUIET and self.app.current_theme.ansi:
                style = f"dim {style}"
            self._state_styles[state] = style
        return style

    @property
    def muted(self) -> str:
        """The style of what is said by the way."""
        return self.state_style(State.PENDING)

    @property
    def cursor(self) -> str:
        """The style of what is under the cursor while the widget has the focus."""
        if self.app.no_color:
            return "bold reverse underline"
        return "bold $block-cursor-foreground on $block-cursor-background"

    def word_style(self, state: State) -> str:
        """The same for a word in a line of its own: it need not shout as a glyph among others."""
        return self.state_style(state).replace(" reverse", "")

    def rich_style_of(self, style: str) -> RichStyle:
        """A style on top of the widget's own; worked out once."""
        known = self._rich_styles.get(style)
        if known is None:
            own = self.visual_style
            known = (own + Style.parse(style) if style else own).rich_style
            self._rich_styles[style] = known
        return known

    def line(self, parts: Iterable[Part], width: int, *, exact: bool = False) -> Strip:
        """One line of exactly `width` cells; `exact` says that the parts are so wide together."""
        segments: list[Segment] = []
        text, style = "", ""
        for more, its_style in parts:
            if its_style == style or not more:
                text += more
                continue
            if text:
                segments.append(Segment(text, self.rich_style_of(style)))
            text, style = more, its_style
        if text:
            segments.append(Segment(text, self.rich_style_of(style)))
        if exact:
            return Strip(segments, width)
        return Strip(segments).adjust_cell_length(width, self.rich_style_of(""))

    def cut(self, text: str, width: int) -> str:
        """The text in exactly `width` cells, with an ellipsis when it is longer."""
        if width <= 0:
            return ""
        content = Content(text)
        if content.cell_length > width:
            content = Content(f"{content.truncate(width - 1).plain}{self.symbols.ellipsis}")
        return content.plain + " " * (width - content.cell_length)

    def notify_style_update(self) -> None:
        self._rich_styles.clear()
        self._state_styles.clear()
        self.forget_lines()
        super().notify_style_update()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """A bar that was not there when the lines were scrolled does not know it."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def forget_lines(self) -> None:
        """Draw every line anew when it is next seen."""
        self.refresh()

    def on_focus(self) -> None:
        self.forget_lines()
        self.call_after_refresh(self._show_cursor)

    def on_blur(self) -> None:
        self.forget_lines()

    def cursor_offset(self) -> Offset | None:
        """Where the cursor is in the content; None when it is not to be seen."""
        raise NotImplementedError

    def _show_cursor(self) -> None:
        """Put the terminal's own cursor there: screen readers read what is around it."""
        offset = self.cursor_offset() if self.has_focus else None
        if offset is not None:
            self.app.cursor_position = self.content_region.offset + offset

"""The first line of every screen: the program, which installation, its state, and who is in control."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tke_tui.messages import _


class TitleBar(Widget):
    """`tke-tui  <place>  <state>                <note>`: one line; what does not fit is cut from the right.

    Before the place it says that the machines are `simulated`, whatever else it shows.
    `place`, `state` and `note` are shown literally; `state` may also be styled `Content`.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleBar {
        dock: top;
        height: 1;
        width: 1fr;
        background: $panel;
        color: $foreground;
        &:ansi { text-style: reverse; }
    }
    TitleBar.-lost {
        background: $warning;
        color: $background;
        text-style: bold;
        &:ansi { text-style: bold reverse; }
    }
    """

    place: reactive[str] = reactive("")
    state: reactive[Content] = reactive(Content, init=False)
    note: reactive[str] = reactive("")
    simulated: reactive[bool] = reactive(False)
    lost: reactive[str] = reactive("")
    """A sentence that takes the place of all else while the engine does not answer."""

    def watch_lost(self, lost: str) -> None:
        self.set_class(bool(lost), "-lost")

    def render(self) -> Content:
        width = self.size.width
        mark = _("SIMULATED") + "  " if self.simulated else ""
        if self.lost:
            return Content(f" {mark}{self.lost}").truncate(width)
        left = Content.assemble(
            " ",
            ("tke-tui", "bold"),
            "  ",
            (mark, "bold $text-warning"),
            self.place,
            "  " if self.state.plain else "",
            self.state,
        )
        right = f"{self.note} " if self.note else ""
        space = width - left.cell_length - len(Content(right).plain)
        if space < 1:
            return left.truncate(width)
        return Content.assemble(left, " " * (width - left.cell_length - Content(right).cell_length), right)

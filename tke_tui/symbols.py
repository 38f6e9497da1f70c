"""The only home of glyphs and state words: a state is a glyph, a word and a colour, to be trusted in that order.

Every glyph is one cell wide in every locale: none of Unicode's East-Asian *ambiguous* characters is among them, which
Chinese terminals may draw two cells wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tke_tui.messages import N_, _


class State(StrEnum):
    """What a step, a handler on a machine, or a task is doing."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    RETRYING = "retrying"
    FAILED = "failed"
    BLOCKED = "blocked"
    STOPPED = "stopped"
    LEFT_OUT = "left out"


_UNICODE = {
    State.PENDING: "-",
    State.RUNNING: "►",
    State.DONE: "✔",
    State.SKIPPED: "»",
    State.RETRYING: "↻",
    State.FAILED: "✘",
    State.BLOCKED: "!",
    State.STOPPED: "◼",
    State.LEFT_OUT: " ",
}

_ASCII = {
    State.PENDING: ".",
    State.RUNNING: ">",
    State.DONE: "+",
    State.SKIPPED: "s",
    State.RETRYING: "~",
    State.FAILED: "X",
    State.BLOCKED: "!",
    State.STOPPED: "#",
    State.LEFT_OUT: " ",
}

_WORDS = {
    State.PENDING: N_("pending"),
    State.RUNNING: N_("running"),
    State.DONE: N_("done"),
    State.SKIPPED: N_("skipped"),
    State.RETRYING: N_("retrying"),
    State.FAILED: N_("FAILED"),
    State.BLOCKED: N_("held up"),
    State.STOPPED: N_("stopped"),
    State.LEFT_OUT: N_("left out"),
}

_STYLES = {
    State.PENDING: "$text-muted",
    State.RUNNING: "bold $accent",
    State.DONE: "$success",
    State.SKIPPED: "$text-muted",
    State.RETRYING: "bold $warning",
    State.FAILED: "bold reverse $error",
    State.BLOCKED: "$warning",
    State.STOPPED: "bold $warning",
    State.LEFT_OUT: "$text-muted",
}


@dataclass(frozen=True, slots=True)
class Symbols:
    """The glyphs of one character set. `ascii` is for terminals, fonts and locales that have nothing else."""

    ascii: bool = False

    def glyph(self, state: State) -> str:
        """One cell."""
        return (_ASCII if self.ascii else _UNICODE)[state]

    def word(self, state: State) -> str:
        """The state in the language in use."""
        return _(_WORDS[state])

    def style(self, state: State) -> str:
        """A style of theme variables, as `Content.styled` and `Style.parse` read it."""
        return _STYLES[state]

    def css_class(self, state: State) -> str:
        """`-done`, `-left-out`, …: classes that app.tcss colours."""
        return f"-{state.value.replace(' ', '-')}"

    @property
    def ok(self) -> str:
        return self.glyph(State.DONE)

    @property
    def problem(self) -> str:
        return "!"

    @property
    def separator(self) -> str:
        """Between two facts on one line; one cell."""
        return "|" if self.ascii else "⋅"

    @property
    def ellipsis(self) -> str:
        """Stands for text that was cut off; one cell."""
        return "~" if self.ascii else "⋯"

    @property
    def pointer(self) -> str:
        """Marks the row in use; one cell."""
        return ">" if self.ascii else "►"

    def bar(self, fraction: float, width: int) -> str:
        """A progress bar of `width` cells; `fraction` is 0 to 1 and full only when all is done."""
        full, empty = ("#", ".") if self.ascii else ("▰", "▱")
        filled = width if fraction >= 1 else min(int(max(fraction, 0.0) * width), width - 1)
        return full * filled + empty * (width - filled)

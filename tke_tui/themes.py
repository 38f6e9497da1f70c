"""The only home of colours. Screens use the variables of a theme, never a colour of their own.

`dark` and `light` for terminals with 256 colours or more, `colour-blind` for people who see red and green alike (blue
is done, orange is trying again, and failures are also bold and reversed), `ansi` for the terminal's own sixteen.

`text-muted` is a colour here instead of Textual's "auto 60%", which is plain white in the style of a piece of text.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from tke_tui.settings import AUTO

DARK = Theme(
    name="dark",
    primary="#4f9cf0",
    secondary="#7aa2c8",
    accent="#56c8e8",
    warning="#f0b341",
    error="#f2727e",
    success="#5fcb82",
    foreground="#d8dde4",
    background="#14181d",
    surface="#1b2027",
    panel="#252c35",
    dark=True,
    variables={
        "text-muted": "#949aa2",
        "block-cursor-background": "#4f9cf0",
        "block-cursor-foreground": "#0d1014",
        "block-cursor-text-style": "bold",
        "footer-key-foreground": "#56c8e8",
        "border": "#4f9cf0",
        "border-blurred": "#46515e",
    },
)

LIGHT = Theme(
    name="light",
    primary="#1558a8",
    secondary="#3d6a99",
    accent="#006d8f",
    warning="#7f4f00",
    error="#b3202e",
    success="#1a6b33",
    foreground="#1c2127",
    background="#f7f8fa",
    surface="#eceff3",
    panel="#dde2e9",
    dark=False,
    variables={
        "text-muted": "#62676e",
        "block-cursor-background": "#1558a8",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "footer-key-foreground": "#1558a8",
        "border": "#1558a8",
        "border-blurred": "#9aa5b1",
    },
)

COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#7fb2ff",
    secondary="#9fb4cc",
    accent="#ffffff",
    warning="#ffa62b",
    error="#ffe45c",
    success="#56a8ff",
    foreground="#e4e7eb",
    background="#121417",
    surface="#1a1d22",
    panel="#262b32",
    dark=True,
    variables={
        "text-muted": "#9a9ea3",
        "block-cursor-background": "#e4e7eb",
        "block-cursor-foreground": "#121417",
        "block-cursor-text-style": "bold",
        "footer-key-foreground": "#ffa62b",
        "border": "#7fb2ff",
        "border-blurred": "#4a525d",
    },
)

ANSI = Theme(
    name="ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "border": "ansi_cyan",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "ansi_cyan",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-text-style": "none",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_cyan",
        "screen-selection-foreground": "ansi_black",
    },
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT, COLOUR_BLIND, ANSI)}

NO_COLOUR = "no-colour"
"""Not a theme of its own: the `ansi` theme with its colours filtered out."""


def choose_theme(chosen: str, environ: Mapping[str, str]) -> str:
    """The theme for a terminal: what was chosen, else no colour for NO_COLOR, sixteen colours for poor terminals."""
    if environ.get("NO_COLOR"):
        return NO_COLOUR
    if chosen != AUTO:
        return chosen
    term = environ.get("TERM", "")
    poor = term in ("linux", "ansi", "cons25") or term.startswith("vt") or term.endswith("-16color")
    return ANSI.name if poor else DARK.name


class AsciiOnly(LineFilter):
    """Replaces the lines, blocks and arrows that widgets draw with by ASCII of the same width.

    Letters of any script stay as they are: what is only decoration is replaced, never what somebody wrote.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(segment.text.translate(_TO_ASCII), segment.style)
            for segment in segments
        ]


def _drawing() -> dict[int, str]:
    table: dict[int, str] = dict.fromkeys(range(0x2500, 0x2580), "+")
    table |= dict.fromkeys(map(ord, "─━┄┅┈┉╌╍═╴╶╸╺╼╾"), "-")
    table |= dict.fromkeys(map(ord, "│┃┆┇┊┋╎╏║╵╷╹╻╽╿"), "|")
    table |= dict.fromkeys(range(0x2580, 0x25A0), "#")
    table |= dict.fromkeys(map(ord, "▁▔▂▀▄"), "-")
    table |= dict.fromkeys(map(ord, "▏▎▍▌▐▕▊▋"), "|")
    table |= {
        ord(symbol): plain
        for symbols, plain in (
            ("▶►▸▹❯›»", ">"),
            ("◀◄◂◃❮‹«", "<"),
            ("▲△▴↑", "^"),
            ("▼▽▾↓⌄", "v"),
            ("●◉•∙·⋅", "*"),
            ("○◯◦", "o"),
            ("→", ">"),
            ("←", "<"),
            ("…⋯", "~"),
            ("✔✓☑", "+"),
            ("✘✗✕☒", "X"),
            ("↻", "~"),
            ("◼■▰", "#"),
            ("□▱☐", "."),
        )
        for symbol in symbols
    }
    return table


_TO_ASCII = _drawing()

"""State is told by glyph, word and colour, and the glyphs keep grids straight in every terminal."""

from __future__ import annotations

import unicodedata

import pytest

from tke_tui.symbols import State, Symbols
from tke_tui.themes import NO_COLOUR, THEMES, choose_theme


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_glyph_is_one_cell_in_every_terminal(ascii_only: bool) -> None:
    symbols = Symbols(ascii=ascii_only)
    glyphs = [symbols.glyph(state) for state in State]
    glyphs += [symbols.ok, symbols.problem, symbols.separator, symbols.ellipsis, symbols.pointer]
    glyphs += list(symbols.bar(0.5, 4))
    for glyph in glyphs:
        assert len(glyph) == 1
        assert unicodedata.east_asian_width(glyph) in ("N", "Na"), glyph
        assert not ascii_only or glyph.isascii()


@pytest.mark.parametrize("ascii_only", [True, False])
def test_states_differ_without_colour(ascii_only: bool) -> None:
    symbols = Symbols(ascii=ascii_only)
    assert len({symbols.glyph(state) for state in State}) == len(State)
    assert len({symbols.word(state) for state in State}) == len(State)
    assert len({symbols.css_class(state) for state in State}) == len(State)


@pytest.mark.parametrize(
    ("fraction", "filled"), [(-1.0, 0), (0.0, 0), (0.04, 0), (0.5, 5), (0.999, 9), (1.0, 10), (2.0, 10)]
)
def test_a_bar_is_full_only_when_all_is_done(fraction: float, filled: int) -> None:
    assert Symbols(ascii=True).bar(fraction, 10) == "#" * filled + "." * (10 - filled)


@pytest.mark.parametrize(
    ("chosen", "environ", "expected"),
    [
        ("auto", {"TERM": "xterm-256color"}, "dark"),
        ("auto", {"TERM": "linux"}, "ansi"),
        ("auto", {"TERM": "vt220"}, "ansi"),
        ("auto", {"TERM": "xterm-16color"}, "ansi"),
        ("auto", {}, "dark"),
        ("light", {"TERM": "linux"}, "light"),
        ("light", {"TERM": "xterm", "NO_COLOR": "1"}, NO_COLOUR),
        ("dark", {"NO_COLOR": ""}, "dark"),
        ("no-colour", {}, NO_COLOUR),
    ],
)
def test_the_theme_fits_the_terminal(chosen: str, environ: dict[str, str], expected: str) -> None:
    assert choose_theme(chosen, environ) == expected


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["dark", "light", "colour-blind"])
def test_text_of_every_state_can_be_read_on_its_background(name: str) -> None:
    """Contrast of at least 4.5 to 1, as WCAG 2 asks for text."""
    theme = THEMES[name]
    for foreground in (theme.foreground, theme.success, theme.warning, theme.error, theme.accent):
        for background in (theme.background, theme.surface, theme.panel):
            assert foreground is not None
            assert background is not None
            one, other = sorted((_luminance(foreground), _luminance(background)))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (foreground, background)

"""Texts brought to an exact width in terminal cells, for lines that are drawn as a grid."""

from __future__ import annotations

from textual.content import Content

from tke_tui.symbols import Symbols


def fit(text: str | Content, width: int, symbols: Symbols) -> Content:
    """The text padded to `width` cells, or cut with an ellipsis of one cell at its end. Wide characters count two."""
    content = Content(text) if isinstance(text, str) else text
    if content.cell_length > width:
        content = content.truncate(max(0, width - 1)) + Content(symbols.ellipsis if width > 0 else "")
    return content.truncate(width, pad=True)

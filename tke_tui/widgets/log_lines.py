"""Draws one page of a log, row by row, and only the rows that changed."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import getters
from textual.geometry import Offset, Region
from textual.strip import Strip
from textual.widget import Widget

from tke_tui.log_filter import text_pattern
from tke_tui.log_pager import LogPager
from tke_tui.log_window import Line, LogWindow
from tke_tui.messages import N_, _

if TYPE_CHECKING:
    from tke_tui.app import TkeApp

INSTALLER = N_("installer")
"""What the log of the installer itself is called among those of machines."""

MARKS = {"stdout": "|", "stderr": "!", "note": "+"}
"""Says without colour where a line is from: output, errors, the installer's own notes."""


WIDE = 76
"""From this page width on, names of tasks get `WIDE_TASK_CELLS` instead of `TASK_CELLS`."""
TASK_CELLS = 14
WIDE_TASK_CELLS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """Characters [start, stop) of a line of the page. `look` is everything else that decides how it is drawn."""

    index: int
    start: int
    stop: int
    text: str
    look: tuple[object, ...]


@lru_cache(maxsize=2048)
def local_time(stamp: str) -> str:
    """`2026-01-31T08:15:00Z` as `09:15:00` of this host's time zone; "" for something else."""
    try:
        moment = datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return ""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def folded(text: str, width: int) -> list[tuple[int, int]]:
    """[start, stop) of each row when a text is broken at exactly `width` cells; a wide character is kept whole."""
    if text.isascii():
        return [(at, at + width) for at in range(0, max(1, len(text)), width)]
    rows, start, used = list[tuple[int, int]](), 0, 0
    for at, character in enumerate(text):
        size = get_character_cell_size(character)
        if used + size > width and at > start:
            rows.append((start, at))
            start, used = at, 0
        used += size
    return [*rows, (start, len(text))]


class LogLines(Widget):
    """A page of a `LogPager`. Call `paint` after whatever changed it.

    `wrap` breaks long lines, otherwise `left` cells of each line are to the left of the page. `stamps` shows times.
    `needle` is highlighted.
    """

    if TYPE_CHECKING:
        app = getters.app(TkeApp)

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-lines--prefix",
        "log-lines--stderr",
        "log-lines--note",
        "log-lines--match",
        "log-lines--cursor",
        "log-lines--selected",
    }
    DEFAULT_CSS = """
    LogLines {
        height: 1fr;
        width: 1fr;
        & > .log-lines--prefix { color: $text-muted; }
        & > .log-lines--stderr { color: $warning; }
        & > .log-lines--note { color: $accent; }
        & > .log-lines--match { text-style: bold reverse; }
        & > .log-lines--cursor { background: $panel; text-style: bold; }
        & > .log-lines--selected { background: $primary-muted; }
        &:ansi > .log-lines--prefix { text-style: dim; }
        &:ansi > .log-lines--cursor { text-style: reverse; }
        &:ansi > .log-lines--selected { background: transparent; text-style: underline; }
    }
    """

    def __init__(self, pager: LogPager) -> None:
        super().__init__()
        self.pager = pager
        self.wrap = False
        self.stamps = True
        self.needle = ""
        self.left = 0
        self.show_cursor = False
        self._rows: list[Row] = []
        self._base: Style | None = None
        pager.rows_of = self._rows_of

    def take(self, window: LogWindow) -> LogPager:
        """Show another window from now on, at its end."""
        self.pager = LogPager(window, self.size.height)
        self.pager.rows_of = self._rows_of
        self.pager.resize(self.size.height)
        self.left = 0
        return self.pager

    # --- from lines to rows ----------------------------------------------------------------------------------------

    def text_of(self, line: Line) -> tuple[str, int]:
        """The line as it is shown, and the length of what stands before the machine's own text."""
        parts = [local_time(line.stamp).ljust(8)] if self.stamps else []
        names = self.pager.window.names
        if len(names) > 1:
            width = max(cell_len(name or _(INSTALLER)) for name in names)
            name = line.node or _(INSTALLER)
            parts.append(name + " " * (width - cell_len(name)))
        if line.task:
            parts.append(self._shortened(line.task))
        parts.append(MARKS.get(line.stream, " "))
        prefix = " ".join(parts) + " "
        cut = _(" [{count} bytes more]").format(count=line.left_out) if line.left_out else ""
        return prefix + line.text + cut, len(prefix)

    def _shortened(self, task: str) -> str:
        """Names of tasks differ at their end and at their start: on a narrow page the middle gives way."""
        most = TASK_CELLS if self.size.width < WIDE else WIDE_TASK_CELLS
        if len(task) <= most:
            return task.ljust(most)
        tail = most // 2
        return task[: most - tail - 1] + self.app.context.symbols.ellipsis + task[-tail:]

    def _rows_of(self, line: Line) -> int:
        if not self.wrap or not self.size.width:
            return 1
        return len(folded(self.text_of(line)[0], self.size.width))

    def _layout(self) -> list[Row]:
        rows: list[Row] = []
        pager, width = self.pager, max(1, self.size.width)
        for index, line in enumerate(pager.lines):
            text, prefix = self.text_of(line)
            look = (
                line.stream,
                prefix,
                self.needle,
                self.left,
                self.show_cursor and index == pager.cursor,
                pager.selected(index),
            )
            pieces = folded(text, width) if self.wrap else [(0, len(text))]
            rows += [Row(index, start, stop, text, look) for start, stop in pieces]
            if len(rows) >= pager.skip + self.size.height:
                break
        return rows[pager.skip : pager.skip + self.size.height]

    def paint(self) -> None:
        """Draw again what is not as it was."""
        before, self._rows = self._rows, self._layout()
        self._base = None
        height, width = self.size.height, self.size.width
        changed = [
            y
            for y in range(height)
            if (before[y] if y < len(before) else None) != (self._rows[y] if y < len(self._rows) else None)
        ]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))
        self._place_terminal_cursor()

    def _place_terminal_cursor(self) -> None:
        """Screen readers read where the terminal's own cursor is."""
        if self.has_focus:
            y = next((y for y, row in enumerate(self._rows) if row.index == self.pager.cursor), 0)
            self.app.cursor_position = self.content_region.offset + Offset(0, y)

    @property
    def cost(self) -> int:
        """Bytes that drawing the whole page sends to the terminal, roughly."""
        return self.size.height * (self.size.width + 100)

    def line_at(self, y: int) -> int | None:
        """Index of the line in a row of the page."""
        return self._rows[y].index if 0 <= y < len(self._rows) else None

    @property
    def widest(self) -> int:
        """Cells of the longest line on the page."""
        return max((cell_len(row.text) for row in self._rows), default=0)

    # --- from rows to strips ---------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.pager.resize(self.size.height)
        self._rows = []
        self.paint()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._base is None:
            self._base = self.rich_style
        width, base = self.size.width, self._base
        if y >= len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[y]
        strip = Strip(self._segments(row, base))
        left = 0 if self.wrap else self.left
        return strip.crop_extend(left, left + width, self._background(row, base))

    def _background(self, row: Row, base: Style) -> Style:
        *_others, cursor, selected = row.look
        if selected:
            base += self.get_component_rich_style("log-lines--selected", partial=True)
        if cursor:
            base += self.get_component_rich_style("log-lines--cursor", partial=True)
        return base

    def _segments(self, row: Row, base: Style) -> Sequence[Segment]:
        stream, prefix, needle, *_others = row.look
        assert isinstance(prefix, int)
        background = self._background(row, base)
        # The whole style: only there is a half transparent colour worked out.
        prefix_style = self.get_component_rich_style("log-lines--prefix")
        muted = background + Style(color=prefix_style.color, dim=prefix_style.dim)
        if stream in ("stderr", "note"):
            own = background + self.get_component_rich_style(f"log-lines--{stream}", partial=True)
        else:
            own = background
        # The mark of the stream belongs to the machine's text: it has its colour.
        spans = [(0, prefix - 2, muted), (prefix - 2, len(row.text), own)]
        if needle:
            spans = _with_matches(
                spans, row.text, str(needle), self.get_component_rich_style("log-lines--match")
            )
        return [
            Segment(row.text[max(start, row.start) : min(stop, row.stop)], style)
            for start, stop, style in spans
            if max(start, row.start) < min(stop, row.stop)
        ]


def _with_matches(
    spans: list[tuple[int, int, Style]], text: str, needle: str, style: Style
) -> list[tuple[int, int, Style]]:
    flags = text_pattern(needle).flags & re.IGNORECASE
    hits = [match.span() for match in re.finditer(re.escape(needle), text, flags)]
    if not hits:
        return spans
    cuts = sorted(
        {0, len(text), *(edge for hit in hits for edge in hit), *(stop for _s, stop, _style in spans)}
    )
    made: list[tuple[int, int, Style]] = []
    for start, stop in pairwise(cuts):
        own = next(own for first, last, own in spans if first <= start < last)
        hit = any(first <= start < last for first, last in hits)
        made.append((start, stop, own + style if hit else own))
    return made

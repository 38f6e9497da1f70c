"""What of a log is on the screen: the lines, the one in use, whether the end is followed. No terminal needed."""

from __future__ import annotations

from collections.abc import Callable

from tke_tui.log_filter import LogFilter
from tke_tui.log_window import Line, LogWindow, Position

SELECTED_MOST = 5000
"""Lines that a selection gives at most."""


class LogPager:
    """A page of `height` rows of a `LogWindow`. `rows_of` says how many rows a line takes (more than one if wrapped).

    `lines` are on the page, `skip` rows of the first one are above it; `cursor` is an index of `lines`. While
    `follow`, the page shows the end and moves with it. When `unfinished`, a filter has not been looked through far
    enough to fill the page: call `fill` until it is.
    """

    def __init__(self, window: LogWindow, height: int = 1) -> None:
        self.window = window
        self.height = max(1, height)
        self.rows_of: Callable[[Line], int] = lambda line: 1
        self.lines: list[Line] = []
        self.cursor = 0
        self.skip = 0
        self.follow = True
        self.unfinished = False
        self.mark: tuple[Position, Line] | None = None
        self.top = self.bottom = window.end()
        self._generation = window.generation
        self.end()

    # --- reading ---------------------------------------------------------------------------------------------------

    def poll(self) -> bool:
        """Look at the files again; True when something may have to be drawn."""
        if not self.window.refresh():
            return False
        if self._generation != self.window.generation:
            self._generation = self.window.generation
            self.mark = None
            if self.follow:
                self.end()
            else:
                self.home()
        elif self.follow:
            self._follow_on()
        elif self._rows() < self.height:
            self.fill()
        return True

    def _follow_on(self) -> None:
        if not self.window.filter or self.unfinished:
            # Another machine's log may have got lines that belong between those shown.
            self.end()
            return
        end = self.window.end()
        batch = self.window.before(end, self.height, floor=self.bottom)
        if not batch.complete:
            self.end()
            return
        self.lines += batch.lines
        self.bottom = end
        self._settle_at_end()

    def fill(self) -> None:
        """Read on for one slice of work, downwards, then upwards, until the page is full."""
        self.unfinished = False
        if not self.follow and (missing := self.height - self._rows()) > 0:
            below = self.window.after(self.bottom, missing)
            self.lines += below.lines
            self.bottom = below.reached
            self.unfinished = not below.complete
        if not self.unfinished and (missing := self.height - self._rows()) > 0:
            above = self.window.before(self.top, missing)
            self.lines[:0] = above.lines
            self.cursor += len(above.lines)
            self.top = above.reached
            self.unfinished = not above.complete
        if self.follow:
            self._settle_at_end()
        else:
            self._trim_below()
        self.cursor = max(0, min(self.cursor, len(self.lines) - 1))

    def _rows(self) -> int:
        return sum(self.rows_of(line) for line in self.lines) - self.skip

    def _settle_at_end(self) -> None:
        """Show the last rows; let go of the lines above them."""
        self.skip = max(0, self._rows() + self.skip - self.height)
        self._trim_above()
        self.cursor = max(0, len(self.lines) - 1)

    def _trim_above(self) -> None:
        while len(self.lines) > 1 and self.skip >= (rows := self.rows_of(self.lines[0])):
            gone = self.lines.pop(0)
            self.skip -= rows
            self.cursor -= 1
            self.top = _with(self.top, gone.source, gone.stop)

    def _trim_below(self) -> None:
        rows = self._rows()
        while len(self.lines) > 1 and rows - (last := self.rows_of(self.lines[-1])) >= self.height:
            gone = self.lines.pop()
            rows -= last
            self.bottom = _with(self.bottom, gone.source, gone.start)

    # --- moving ----------------------------------------------------------------------------------------------------

    def resize(self, height: int) -> None:
        """The page has `height` rows from now on; also after `rows_of` has changed."""
        self.height = max(1, height)
        if self.follow:
            self.end()
        else:
            self.skip = 0
            self.fill()
            self._show_cursor()

    def end(self) -> None:
        """Show the end and follow it."""
        self.follow = True
        end = self.window.end()
        batch = self.window.before(end, self.height)
        self.lines = list(batch.lines)
        self.top, self.bottom = batch.reached, end
        self.unfinished = not batch.complete
        self.skip = 0
        self._settle_at_end()

    def home(self) -> None:
        """Show the start."""
        self.stay()
        self._restart(self.window.start())

    def _restart(self, place: Position) -> None:
        self.lines = []
        self.top = self.bottom = place
        self.skip = self.cursor = 0
        self.fill()

    def stay(self) -> None:
        """Follow no longer; the page stays as it is."""
        self.follow = False

    def down(self) -> None:
        """One line down; from the last one on, follow."""
        if not self.lines:
            return
        if self._cursor_rows()[1] > self.height:
            self.skip += 1
            self._trim_above()
        elif self.cursor + 1 < len(self.lines):
            self.cursor += 1
        elif not self._read_one_below():
            self.follow = not self.unfinished
            return
        self._show_cursor()

    def _read_one_below(self) -> bool:
        batch = self.window.after(self.bottom, 1)
        self.bottom = batch.reached
        self.lines += batch.lines
        self.cursor += len(batch.lines)
        self.unfinished = not batch.complete
        return bool(batch.lines)

    def up(self) -> None:
        """One line up; follows no longer."""
        self.stay()
        if self.cursor > 0:
            self.cursor -= 1
        elif self.skip:
            self.skip -= 1
            return
        else:
            batch = self.window.before(self.top, 1)
            self.top = batch.reached
            self.lines[:0] = batch.lines
        self._show_cursor()

    def page_down(self) -> None:
        """The last line becomes the first one; at the end, follow."""
        if not self.lines or self.follow:
            return
        gone, self.lines = self.lines[:-1], self.lines[-1:]
        for line in gone:
            self.top = _with(self.top, line.source, line.stop)
        if not gone:
            self.skip = min(self.skip + self.height - 1, max(0, self.rows_of(self.lines[0]) - 1))
        else:
            self.skip = 0
        kept = self.cursor
        below = self.window.after(self.bottom, self.height)
        self.lines += below.lines
        self.bottom = below.reached
        self.unfinished = not below.complete
        if below.complete and self._rows() <= self.height and len(below.lines) < self.height:
            self.end()
            return
        self._trim_below()
        self.cursor = min(kept, len(self.lines) - 1)

    def page_up(self) -> None:
        """The first line becomes the last one; follows no longer."""
        self.stay()
        if not self.lines:
            return
        if self.skip:
            self.skip = max(0, self.skip - self.height + 1)
            self._trim_below()
            self.cursor = 0
            return
        above = self.window.before(self.top, self.height)
        if not above.lines:
            self.top, self.cursor = above.reached, 0
            self.unfinished = not above.complete
            return
        taken = list(above.lines)
        self.top = above.reached
        rows = 1 + sum(self.rows_of(line) for line in taken)
        while len(taken) > 1 and rows > self.height:
            gone = taken.pop(0)
            rows -= self.rows_of(gone)
            self.top = _with(self.top, gone.source, gone.stop)
        self.lines[:0] = taken
        self.unfinished = not above.complete
        self._trim_below()
        self.cursor = min(self.cursor, len(self.lines) - 1)

    def show(self, line: Line) -> None:
        """Make this line the one in use, a third below the top; follows no longer."""
        self.stay()
        place = self.window.place(line)
        above = self.window.before(place, self.height // 3)
        self.lines = list(above.lines)
        self.top, self.bottom = above.reached, place
        self.skip, self.cursor = 0, len(self.lines)
        self.fill()
        self.cursor = next(
            (
                i
                for i, shown in enumerate(self.lines)
                if (shown.source, shown.start) == (line.source, line.start)
            ),
            min(self.cursor, max(0, len(self.lines) - 1)),
        )
        self._show_cursor()

    def point(self, index: int) -> None:
        """Make a line of the page the one in use; follows no longer."""
        self.stay()
        self.cursor = max(0, min(index, len(self.lines) - 1))

    def _cursor_rows(self) -> tuple[int, int]:
        start = sum(self.rows_of(line) for line in self.lines[: self.cursor]) - self.skip
        return start, start + self.rows_of(self.lines[self.cursor])

    def _show_cursor(self) -> None:
        if not self.lines:
            return
        self.cursor = max(0, min(self.cursor, len(self.lines) - 1))
        start, stop = self._cursor_rows()
        if start > 0 and stop > self.height:
            self.skip += min(start, stop - self.height)
            self._trim_above()
        self.fill() if self._rows() < self.height else self._trim_below()

    # --- filter, search, selection ---------------------------------------------------------------------------------

    @property
    def current(self) -> Line | None:
        """The line in use."""
        return self.lines[self.cursor] if self.lines else None

    def use_filter(self, log_filter: LogFilter) -> None:
        """Show only what passes, from the line in use on; from the end when it is followed."""
        current = self.current
        self.window.filter = log_filter
        self.mark = None
        if self.follow or current is None:
            self.end()
        else:
            self.show(current)

    def here(self, *, behind: bool) -> Position:
        """The place right behind (or before) the line in use."""
        place = self.top
        for line in self.lines[: self.cursor + behind]:
            place = _with(place, line.source, line.stop)
        return place

    def toggle_mark(self) -> None:
        """Begin to select at the line in use, or select nothing any more."""
        current = self.current
        self.mark = (self.here(behind=False), current) if self.mark is None and current is not None else None
        self.stay()

    def selected(self, index: int) -> bool:
        """Whether a line of the page is between mark and cursor, both included."""
        if self.mark is None:
            return False
        place, marked = self.mark
        line = self.lines[index]
        if _behind(self.lines[self.cursor], place):
            return _behind(line, place) and index <= self.cursor
        return index >= self.cursor and (not _behind(line, place) or _same(line, marked))

    def selection(self) -> list[Line]:
        """The lines between mark and cursor, at most `SELECTED_MOST`; without a mark the line in use."""
        current = self.current
        if current is None:
            return []
        if self.mark is None:
            return [current]
        place, marked = self.mark
        if _behind(current, place):
            return self._between(place, current)
        return self._between(self.here(behind=False), marked)

    def _between(self, start: Position, last: Line) -> list[Line]:
        found = list(self.window.after(start, SELECTED_MOST).lines)
        for number, line in enumerate(found):
            if _same(line, last):
                return found[: number + 1]
        return found


def _with(position: Position, source: int, offset: int) -> Position:
    return (*position[:source], offset, *position[source + 1 :])


def _behind(line: Line, place: Position) -> bool:
    return line.start >= place[line.source]


def _same(one: Line, other: Line) -> bool:
    return (one.source, one.start) == (other.source, other.start)

"""A window on the log files of an installation: one machine's, or several merged by time.

Nothing of a log is kept in memory. A place is one byte offset per file (`Position`); lines are read from disk when
somebody looks at them, forwards or backwards from a place, through a filter or in search of a text. Work is done in
slices of bounded size: a slice that ends early says how far it came, and the caller goes on from there.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tke_tui.log_file import STAMP, LogFile, RawLine
from tke_tui.log_filter import LogFilter
from tke_tui.terminal import harmless

Position = tuple[int, ...]
"""One line start per file. What is before it in every file is before this place."""

CUT = 4096
"""Bytes of a line that are shown."""
BUDGET = 4 << 20
"""Bytes that one call looks at, roughly; some tens of milliseconds at most."""

_HEAD = re.compile(rb"([^ ]+) (.+?) ([a-z]+) \| ?")
"""Names of steps have blanks in them."""
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: bytes [start, stop) of file `source`, which belongs to the machine `node`.

    `text` is harmless on a terminal: no colours, control characters escaped, tabs expanded, invalid UTF-8 as
    `\\xff`. It is cut after `CUT` bytes; `left_out` is the number of bytes behind. `stamp` (UTC, such as
    `2026-01-31T08:15:00Z`), `task` and `stream` are "" in a line that nobody stamped.
    """

    source: int
    node: str
    start: int
    stop: int
    stamp: str
    task: str
    stream: str
    text: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """`lines` in order of time; `reached` is the place behind them (before them, when looked for backwards).

    Not `complete`: the budget is spent though neither enough lines nor the end were found; go on from `reached`.
    """

    lines: tuple[Line, ...]
    reached: Position
    complete: bool


@dataclass(slots=True)
class _Cursor:
    """One file during a merge: `head` is its next line, `at` how far it has been read. Without a `merge` of several
    files nobody asks for time stamps.
    """

    index: int
    file: LogFile
    found: Iterator[RawLine | int]
    at: int
    merge: bool
    head: RawLine | None = None
    stamp: str = ""
    ended: bool = False

    def advance(self, budget: int) -> int:
        """Find the next line; what remains of the budget is returned."""
        self.head = None
        while budget > 0:
            item = next(self.found, None)
            if item is None:
                self.ended = True
                return budget
            if isinstance(item, RawLine):
                if self.merge:
                    self.stamp = self._stamp_of(item)
                self.head = item
                return budget
            budget -= abs(item - self.at)
            self.at = item
        return budget

    def _stamp_of(self, line: RawLine) -> str:
        match = STAMP.match(line.data)
        if match is not None:
            return match.group().decode()
        if self.stamp and line.start == self.at:
            return self.stamp
        return self.file.stamp_before(line.start)

    @property
    def order(self) -> tuple[str, int]:
        return self.stamp, self.index


class LogWindow:
    """Log files by machine; `filter` may be changed at any time. Lines of the same second keep the order of files.

    `generation` grows when a file was replaced or cut: positions from before mean nothing then.
    """

    def __init__(self, files: Sequence[LogFile], log_filter: LogFilter | None = None) -> None:
        self._files = tuple(files)
        self.filter = log_filter or LogFilter()
        self.refresh()

    @property
    def names(self) -> tuple[str, ...]:
        """Machines whose files these are."""
        return tuple(file.name for file in self._files)

    @property
    def generation(self) -> int:
        return sum(file.generation for file in self._files)

    def refresh(self) -> bool:
        """Look at the files again; True when there is something new."""
        return sum(file.refresh() for file in self._files) > 0

    def close(self) -> None:
        for file in self._files:
            file.close()

    def start(self) -> Position:
        return (0,) * len(self._files)

    def end(self) -> Position:
        """The place behind the last complete line of every file, as of the last `refresh`."""
        return tuple(file.end for file in self._files)

    def percent(self, position: Position) -> int:
        """How much of all files is before this place, 0 to 100; 100 for empty files."""
        total = sum(self.end())
        return 100 if not total else min(100, sum(position) * 100 // total)

    def after(self, position: Position, count: int, *, needle: str = "", budget: int = BUDGET) -> Batch:
        """Up to `count` lines behind a place that pass the filter (and hold the text `needle`)."""
        matcher = self.filter.matcher(needle)
        cursors = self._cursors(position, lambda file, at: file.forward(at, matcher))
        lines: list[Line] = []
        complete = _merge(cursors, count, budget, lines.append, self._line, backward=False)
        return Batch(tuple(lines), self._reached(position, cursors), complete)

    def before(
        self,
        position: Position,
        count: int,
        *,
        needle: str = "",
        floor: Position | None = None,
        budget: int = BUDGET,
    ) -> Batch:
        """Up to `count` lines before a place that pass the filter (and hold the text `needle`), the nearest ones.

        Nothing before the place `floor` is looked at.
        """
        matcher = self.filter.matcher(needle)
        floors = dict(zip(self._files, floor or self.start(), strict=True))
        cursors = self._cursors(position, lambda file, at: file.backward(at, matcher, floors[file]))
        lines: list[Line] = []
        complete = _merge(cursors, count, budget, lines.append, self._line, backward=True)
        return Batch(tuple(reversed(lines)), self._reached(position, cursors), complete)

    def _cursors(
        self, position: Position, scan: Callable[[LogFile, int], Iterator[RawLine | int]]
    ) -> list[_Cursor]:
        merge = len(self._files) > 1
        return [
            _Cursor(index, file, scan(file, at), at, merge)
            for index, (file, at) in enumerate(zip(self._files, position, strict=True))
            if self.filter.takes_node(file.name)
        ]

    @staticmethod
    def _reached(position: Position, cursors: Sequence[_Cursor]) -> Position:
        reached = list(position)
        for cursor in cursors:
            reached[cursor.index] = cursor.at
        return tuple(reached)

    def place(self, line: Line) -> Position:
        """The place right before a line, in every file: also in those that a filter kept out when it was found."""
        own = self._files[line.source]
        order = (line.stamp or own.stamp_before(line.start), line.source)
        return tuple(
            line.start if index == line.source else _first_after(file, order, index)
            for index, file in enumerate(self._files)
        )

    def raw(self, line: Line) -> bytes:
        """The whole line as it stands in the file, without its end."""
        return self._files[line.source].read(line.start, line.stop - 1)

    def export(self, *, lines_at_once: int = 2000) -> Iterator[bytes]:
        """Everything that passes the filter as it stands in the files, in order; the machine first when merged.

        Comes in pieces (some empty), so that the caller can do something else in between.
        """
        position = self.start()
        while True:
            batch = self.after(position, lines_at_once)
            prefix = len(self._files) > 1
            yield b"".join(
                (line.node.encode() + b" " if prefix else b"") + self.raw(line) + b"\n"
                for line in batch.lines
            )
            if batch.complete and len(batch.lines) < lines_at_once:
                return
            position = batch.reached

    def _line(self, cursor: _Cursor, raw: RawLine) -> Line:
        content = raw.data[:CUT].removesuffix(b"\n").removesuffix(b"\r")
        stamp = task = stream = ""
        match = _HEAD.match(content) if STAMP.match(content) else None
        if match is not None:
            stamp, task, stream = (part.decode("utf-8", "backslashreplace") for part in match.groups())
            content = content[match.end() :]
        left_out = max(0, raw.stop - 1 - raw.start - CUT)
        return Line(
            cursor.index,
            cursor.file.name,
            raw.start,
            raw.stop,
            stamp,
            harmless(task),
            harmless(stream),
            readable(content, cut=left_out > 0),
            left_out,
        )


def readable(content: bytes, *, cut: bool = False) -> str:
    """Bytes of a machine as text that does nothing to a terminal; a character `cut` in two at the end is left out."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    text = decoder.decode(content, final=not cut)
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    return harmless(text.expandtabs())


def _merge(
    cursors: Sequence[_Cursor],
    count: int,
    budget: int,
    take: Callable[[Line], None],
    line_of: Callable[[_Cursor, RawLine], Line],
    *,
    backward: bool,
) -> bool:
    """Hand over up to `count` lines in order; False when the budget did not reach."""
    choose = max if backward else min
    for cursor in cursors:
        budget = cursor.advance(budget)
    for _ in range(count):
        if any(cursor.head is None and not cursor.ended for cursor in cursors):
            return False
        waiting = [cursor for cursor in cursors if cursor.head is not None]
        if not waiting:
            return True
        cursor = choose(waiting, key=lambda cursor: cursor.order)
        raw = cursor.head
        assert raw is not None
        take(line_of(cursor, raw))
        cursor.at = raw.start if backward else raw.stop
        budget = cursor.advance(budget)
    return True


def _first_after(file: LogFile, order: tuple[str, int], index: int) -> int:
    """Start of the first line of a file that comes after (stamp, index of its file) in the merged order."""
    low, high = 0, file.end
    while low < high:
        start = file.line_start((low + high + 1) // 2)
        line = next(
            (item for item in file.forward(start, LogFilter().matcher()) if isinstance(item, RawLine)), None
        )
        if line is None:
            break
        match = STAMP.match(line.data)
        stamp = match.group().decode() if match else file.stamp_before(start)
        if (stamp, index) > order:
            high = start
        else:
            low = line.stop
    return low

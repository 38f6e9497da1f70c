"""Output never stops an installation: slow, stopped, closed and foreign readers."""

from __future__ import annotations

import io
import os
import time
from typing import TextIO, cast

from tke_tui.printer import Printer


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def pipe() -> tuple[TextIO, TextIO]:
    reading, writing = os.pipe()
    return cast(TextIO, os.fdopen(reading)), cast(TextIO, os.fdopen(writing, "w", encoding="ascii"))


def test_lines_arrive_in_order_and_whole() -> None:
    out = io.StringIO()
    printer = Printer(out)
    for number in range(500):
        printer.line(str(number))
    printer.close()
    assert out.getvalue().splitlines() == [str(number) for number in range(500)]


def test_a_stopped_reader_holds_nobody_up_and_learns_what_it_missed() -> None:
    reader, writer = pipe()
    printer = Printer(writer, lines=50, patience=0.01)
    started = time.monotonic()
    for number in range(1000):
        printer.line(f"{number} {'x' * 2000}")
    printer.close()
    assert time.monotonic() - started < 5
    # The reader wakes up: what was kept comes, then a note of what was not.
    for _ in range(1000):
        printer.line("goes on")
        if (line := reader.readline()).startswith("..."):
            break
    assert int(line.split()[1]) > 500
    reader.close()
    printer.close()
    writer.close()


def test_a_slow_reader_gets_everything_at_the_end() -> None:
    reader, writer = pipe()
    printer = Printer(writer, lines=5000)
    for number in range(2000):
        printer.line(f"{number} {'x' * 100}")
    read: list[str] = []
    with reader:
        read += [reader.readline() for _ in range(1000)]
        remaining = [reader.readline() for _ in range(1000)]
        printer.close()
    assert [int(line.split()[0]) for line in read + remaining] == list(range(2000))
    writer.close()


def test_a_closed_reader_is_given_up() -> None:
    for stream in (Gone(), None):
        printer = Printer(stream)
        for _ in range(3):
            printer.line("hello")
        printer.close()
    reader, writer = pipe()
    reader.close()
    printer = Printer(writer)
    printer.line("hello")
    printer.close()
    writer.close()


def test_characters_the_stream_cannot_show_are_escaped() -> None:
    reader, writer = pipe()
    printer = Printer(writer)
    printer.line("节点")
    printer.close()
    writer.close()
    assert reader.read() == "\\u8282\\u70b9\n"
    reader.close()

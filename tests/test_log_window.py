"""The log window against a naive reading of the same bytes, and what happens to files while they are looked at."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tke_tui import log_file, log_window
from tke_tui.core.node_logs import NodeLogs
from tke_tui.core.paths import InstallDir
from tke_tui.log_file import LogFile
from tke_tui.log_filter import LogFilter
from tke_tui.log_window import CUT, Batch, Line, LogWindow, Position, readable


def stamped(second: int, text: str, *, task: str = "EnsureDocker", stream: str = "stdout") -> bytes:
    return f"2026-01-31T08:{second // 60:02}:{second % 60:02}Z {task} {stream} | {text}\n".encode()


def window(directory: Path, *contents: bytes, log_filter: LogFilter | None = None) -> LogWindow:
    files = []
    for number, content in enumerate(contents):
        path = directory / f"{number}.log"
        path.write_bytes(content)
        files.append(LogFile(f"10.0.0.{number}", path))
    return LogWindow(files, log_filter)


def texts(batch: Batch) -> list[str]:
    return [line.text for line in batch.lines]


def all_after(log: LogWindow, *, step: int = 7, budget: int = 1 << 20, needle: str = "") -> list[Line]:
    """Everything, read like a person who pages down from the start."""
    position, found = log.start(), list[Line]()
    while True:
        batch = log.after(position, step, budget=budget, needle=needle)
        found += batch.lines
        position = batch.reached
        if batch.complete and len(batch.lines) < step:
            return found


def all_before(log: LogWindow, *, step: int = 7, budget: int = 1 << 20, needle: str = "") -> list[Line]:
    """Everything, read like a person who pages up from the end."""
    position, found = log.end(), list[Line]()
    while True:
        batch = log.before(position, step, budget=budget, needle=needle)
        found = [*batch.lines, *found]
        position = batch.reached
        if batch.complete and len(batch.lines) < step:
            return found


# Texts

_words = st.sampled_from(
    ["pull", "Pull image", "exit 1", "连接", "x" * 50, "", " | ", "\t", "\x1b[31mred\x1b[0m"]
)
_lines = st.tuples(
    st.integers(0, 90),
    st.sampled_from(["EnsureDocker", "EnsureKubelet", "Ensure", "Load images"]),
    st.sampled_from(["stdout", "stderr", "note"]),
    st.lists(_words, max_size=4).map(" ".join),
)
_log = st.lists(_lines, max_size=60).map(sorted)
_filters = st.builds(
    LogFilter,
    task=st.sampled_from(["", "EnsureDocker", "ensure*", "*let", "Load images", "load*"]),
    stream=st.sampled_from(["", "stderr", "note"]),
    text=st.sampled_from(["", "pull", "Pull", "连", "exit 1", ":01Z"]),
    node=st.sampled_from(["", "10.0.0.0", "10.*", "10.0.0.9"]),
)


def naive(contents: list[bytes], wanted: LogFilter, needle: str = "") -> list[tuple[int, bytes]]:
    """(file, line) of everything wanted, in order of time; the order of files within a second."""
    rows = [
        (line[:20], number, line)
        for number, content in enumerate(contents)
        for line in content.split(b"\n")[:-1]
    ]
    rows.sort(key=lambda row: row[:2])
    return [(number, line) for _, number, line in rows if _wanted(number, line, wanted, needle)]


def _wanted(number: int, line: bytes, wanted: LogFilter, needle: str) -> bool:
    task, _space, stream = line.split(b" | ")[0].decode().partition(" ")[2].rpartition(" ")
    node = f"10.0.0.{number}"

    def has(text: str) -> bool:
        whole = line.decode()
        return text in (whole if text != text.lower() else whole.lower())

    def named(name: str, pattern: str) -> bool:
        return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name, re.IGNORECASE) is not None

    return (
        (not wanted.task or named(task, wanted.task))
        and (not wanted.stream or stream == wanted.stream)
        and (not wanted.node or named(node, wanted.node))
        and has(wanted.text)
        and has(needle)
    )


@settings(max_examples=150)
@given(
    logs=st.lists(_log, min_size=1, max_size=4),
    wanted=_filters,
    needle=st.sampled_from(["", "image", "Image", "0"]),
    step=st.integers(1, 30),
    first_read=st.sampled_from([64, 200, 8192]),
    budget=st.sampled_from([1, 150, 1 << 20]),
)
def test_reads_what_a_naive_reader_reads_in_both_directions(
    tmp_path_factory: pytest.TempPathFactory,
    logs: list[list[tuple[int, str, str, str]]],
    wanted: LogFilter,
    needle: str,
    step: int,
    first_read: int,
    budget: int,
) -> None:
    contents = [
        b"".join(stamped(second, text, task=task, stream=stream) for second, task, stream, text in lines)
        for lines in logs
    ]
    log = window(tmp_path_factory.mktemp("logs"), *contents, log_filter=wanted)
    expected = naive(contents, wanted, needle)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_file, "FIRST_READ", first_read)
        patch.setattr(log_file, "MOST_READ", first_read * 4)
        forwards = all_after(log, step=step, budget=budget, needle=needle)
        backwards = all_before(log, step=step, budget=budget, needle=needle)
        if not needle:
            assert b"".join(log.export(lines_at_once=step)).count(b"\n") == len(expected)
    assert [(line.source, log.raw(line)) for line in forwards] == expected
    assert forwards == backwards
    assert all(line.text.isprintable() for line in forwards)
    log.close()


@settings(max_examples=100)
@given(logs=st.lists(_log, min_size=1, max_size=3), data=st.data())
def test_a_line_that_a_filter_found_has_its_place_among_all_others(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[tuple[int, str, str, str]]], data: st.DataObject
) -> None:
    contents = [
        b"".join(stamped(second, text, task=task, stream=stream) for second, task, stream, text in lines)
        for lines in logs
    ]
    log = window(tmp_path_factory.mktemp("logs"), *contents)
    everything = all_after(log)
    if everything:
        at = data.draw(st.integers(0, len(everything) - 1))
        place = log.place(everything[at])
        assert list(log.after(place, len(everything)).lines) == everything[at:]
        assert list(log.before(place, len(everything)).lines) == everything[:at]
    log.close()


# Hostile content


def test_bytes_of_any_kind_become_harmless_text(tmp_path: Path) -> None:
    log = window(
        tmp_path, stamped(0, "x")[:-2] + b"\xff\xfe \x1b]0;title\x07 \x1b[1;31mred\x1b[0m \x00 a\tb\r\n"
    )
    (line,) = all_after(log)
    assert line.text.split() == ["\\xff\\xfe", "\\x1b]0;title\\x07", "red", "\\x00", "a", "b"]
    assert line.text.isprintable()


def test_directions_and_invisible_characters_are_shown(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "a\u202eb\u200bc"))
    assert texts(log.after(log.start(), 1)) == ["a\\u202eb\\u200bc"]


def test_a_very_long_line_is_cut_and_says_by_how_much(tmp_path: Path) -> None:
    long = "好" * 1_000_000
    log = window(tmp_path, stamped(0, "before") + stamped(1, long) + stamped(2, "after"))
    before, line, after = all_after(log)
    assert (before.text, after.text) == ("before", "after")
    assert 0 < len(line.text) <= CUT
    assert set(line.text) == {"好"}, "no half character at the cut"
    assert line.left_out + CUT == len(log.raw(line))
    assert all_before(log) == [before, line, after]


def test_a_match_behind_the_part_that_is_looked_at_counts_nowhere(tmp_path: Path) -> None:
    far = stamped(1, "x" * 70_000 + " needle")
    very_far = stamped(2, "x" * 600_000 + " needle")
    log = window(tmp_path, stamped(0, "needle") + far + very_far + stamped(3, "a needle"))
    assert texts(log.after(log.start(), 9, needle="needle")) == ["needle", "a needle"]
    assert texts(log.before(log.end(), 9, needle="needle")) == ["needle", "a needle"]


def test_lines_that_nobody_stamped_stay_with_the_line_before_them(tmp_path: Path) -> None:
    traceback = stamped(5, "boom") + b"Traceback\n  File x\n"
    log = window(tmp_path, traceback + stamped(9, "end"), stamped(4, "early") + stamped(6, "late"))
    expected = ["early", "boom", "Traceback", "  File x", "late", "end"]
    assert [line.text for line in all_after(log)] == expected
    assert [line.text for line in all_before(log, step=1)] == expected
    assert all_after(log)[2].stamp == ""


def test_a_filter_takes_what_it_names_and_reads_itself_back() -> None:
    typed = LogFilter.parse("refused task:Ensure* stream:stderr  node:10.0.0.3 by peer url:x")
    assert typed == LogFilter("Ensure*", "stderr", "refused by peer url:x", "10.0.0.3")
    assert LogFilter.parse(str(typed)) == typed
    step = LogFilter.parse('task:"Load images" refused')
    assert step == LogFilter("Load images", text="refused")
    assert LogFilter.parse(str(step)) == step
    assert not LogFilter.parse("  ")


# Files in motion


def test_follows_a_file_that_grows_and_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "one"))
    end = log.end()
    with (tmp_path / "0.log").open("ab") as file:
        file.write(b"2026-01-31T08:00:01Z Ensure")
        file.flush()
        assert not log.refresh()
        assert log.after(end, 5).lines == ()
        file.write(b"Docker stdout | two\n")
        file.flush()
    assert log.refresh()
    assert texts(log.after(end, 5)) == ["two"]


def test_a_file_may_come_later(tmp_path: Path) -> None:
    log = LogWindow([LogFile("10.0.0.1", tmp_path / "later.log")])
    assert all_after(log) == []
    assert log.percent(log.end()) == 100
    (tmp_path / "later.log").write_bytes(stamped(0, "here"))
    assert log.refresh()
    assert texts(log.before(log.end(), 5)) == ["here"]


@pytest.mark.parametrize("how", ["cut", "replaced"])
def test_a_file_that_is_not_the_one_it_was_is_read_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "0.log"
    log = window(tmp_path, stamped(0, "old") * 50)
    generation = log.generation
    if how == "cut":
        path.write_bytes(stamped(1, "new"))
    else:
        path.rename(tmp_path / "0.log.1")
        path.write_bytes(stamped(1, "new") * 100)
    assert log.refresh()
    assert log.generation == generation + 1
    assert texts(log.before(log.end(), 1)) == ["new"]
    assert log.percent(log.end()) == 100


def test_reading_a_file_that_was_cut_since_the_last_look_ends(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "old " * 100) * 3000)
    with (tmp_path / "0.log").open("r+b") as file:
        file.truncate(1000)
    assert len(all_after(log)) <= 3
    assert isinstance(log.before(log.end(), 5), Batch)


def test_a_removed_file_can_be_read_to_its_end(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "one"))
    (tmp_path / "0.log").unlink()
    assert not log.refresh()
    assert texts(log.after(log.start(), 5)) == ["one"]
    log.close()
    assert log.after(log.start(), 5).lines == ()


def test_what_the_engine_writes_is_read(tmp_path: Path) -> None:
    directory = InstallDir(tmp_path / "global")
    directory.create()
    logs = NodeLogs(directory)
    logs.write("10.0.0.1", 1769847300.4, "EnsureDocker", "stderr", "no such file")
    logs.write("10.0.0.1", 1769847301.4, "Load images", "note", "")
    logs.close()
    log = LogWindow([LogFile("10.0.0.1", directory.node_log("10.0.0.1"))])
    first, second = all_after(log)
    assert (first.stamp, first.task, first.stream, first.text, first.node) == (
        "2026-01-31T08:15:00Z",
        "EnsureDocker",
        "stderr",
        "no such file",
        "10.0.0.1",
    )
    assert (second.task, second.stream, second.text) == ("Load images", "note", "")


# Cost


def test_the_end_of_a_large_log_costs_no_more_than_that_of_a_small_one(tmp_path: Path) -> None:
    line = stamped(0, "x" * 80)
    log = window(tmp_path, line * 200_000)
    looked_at: list[int] = []
    read = LogFile.read

    def counting(self: LogFile, start: int, stop: int) -> bytes:
        looked_at.append(stop - start)
        return read(self, start, stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogFile, "read", counting)
        tracemalloc.start()
        log.refresh()
        assert len(log.before(log.end(), 50).lines) == 50
        middle: Position = (len(line) * 100_000,)
        assert len(log.after(middle, 50).lines) == 50
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert sum(looked_at) < 100_000, "bytes"
    assert peak < 500_000, "bytes"


def test_a_search_in_a_large_log_comes_in_slices(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "x" * 80) * 100_000 + stamped(1, "needle"))
    batch = log.after(log.start(), 1, needle="needle", budget=1 << 20)
    assert not batch.complete
    slices = 1
    while not batch.lines:
        batch = log.after(batch.reached, 1, needle="needle", budget=1 << 20)
        slices += 1
    assert texts(batch) == ["needle"]
    assert 5 < slices < 40


def test_percent_tells_where_one_is(tmp_path: Path) -> None:
    log = window(tmp_path, stamped(0, "x") * 50, stamped(0, "x") * 50)
    assert log.percent(log.start()) == 0
    assert log.percent(log.after(log.start(), 50).reached) == 50
    assert log.percent(log.end()) == 100


def test_readable_leaves_a_character_cut_in_two_out() -> None:
    assert readable("好好".encode()[:-1], cut=True) == "好"
    assert readable("好好".encode()[:-1]) == "好\\xe5\\xa5"
    assert log_window.CUT < 64 * 1024

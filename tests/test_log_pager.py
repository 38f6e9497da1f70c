"""What is on the page after any sequence of keys, against a list of all lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tke_tui.log_file import LogFile
from tke_tui.log_filter import LogFilter
from tke_tui.log_pager import LogPager
from tke_tui.log_window import Line, LogWindow


def stamped(number: int) -> bytes:
    word = "even" if number % 2 == 0 else "odd"
    return (
        f"2026-01-31T08:{number // 60:02}:{number % 60:02}Z EnsureDocker stdout | {word} {number}\n".encode()
    )


def rows_of(line: Line) -> int:
    """As if every third line took two rows, every tenth five."""
    number = int(line.text.split()[1])
    return 5 if number % 10 == 0 else 2 if number % 3 == 0 else 1


class Model:
    """A pager over one or two growing files, beside all their lines in order."""

    def __init__(self, directory: Path, count: int, files: int, height: int, *, wrapped: bool) -> None:
        self.paths = [directory / f"{number}.log" for number in range(files)]
        for path in self.paths:
            path.touch()
        self.written = 0
        self.grow(count)
        self.pager = LogPager(
            LogWindow([LogFile(f"10.0.0.{number}", path) for number, path in enumerate(self.paths)]), height
        )
        if wrapped:
            self.pager.rows_of = rows_of
            self.pager.resize(height)

    def grow(self, count: int) -> None:
        for _ in range(count):
            with self.paths[self.written % len(self.paths)].open("ab") as file:
                file.write(stamped(self.written))
            self.written += 1

    @property
    def everything(self) -> list[str]:
        numbers = range(self.written)
        if self.pager.window.filter.text == "even":
            numbers = range(0, self.written, 2)
        return [f"{'even' if number % 2 == 0 else 'odd'} {number}" for number in numbers]

    @property
    def page(self) -> list[str]:
        return [line.text for line in self.pager.lines]

    @property
    def at(self) -> int:
        """Index among all lines of the line in use."""
        assert self.pager.current is not None
        return self.everything.index(self.pager.current.text)

    def check(self) -> None:
        pager, everything, page = self.pager, self.everything, self.page
        assert not pager.unfinished
        if not everything:
            assert page == []
            return
        first = everything.index(page[0])
        assert page == everything[first : first + len(page)], "no line is lost or shown twice"
        assert 0 <= pager.cursor < len(page)
        rows = sum(pager.rows_of(line) for line in pager.lines) - pager.skip
        assert rows >= pager.height or (first, pager.skip) == (0, 0), "no room is wasted"
        assert 0 <= pager.skip < pager.rows_of(pager.lines[0])
        if pager.follow:
            assert page[-1] == everything[-1]
            assert pager.cursor == len(page) - 1
        above = sum(pager.rows_of(line) for line in pager.lines[: pager.cursor]) - pager.skip
        assert above < pager.height, "the line in use is on the page"


_keys = st.lists(
    st.sampled_from(
        ["up", "up", "down", "down", "page_up", "page_down", "home", "end", "grow", "grow", "filter"]
    ),
    max_size=40,
)


@settings(max_examples=200)
@example(
    keys=["up", "grow", "grow", "grow", "filter", "page_down", "page_down", "down", "page_down", "down"],
    count=2,
    files=1,
    height=4,
    wrapped=True,
)
@given(
    keys=_keys,
    count=st.integers(0, 60),
    files=st.integers(1, 2),
    height=st.integers(1, 12),
    wrapped=st.booleans(),
)
def test_any_sequence_of_keys_shows_a_part_of_the_log(
    tmp_path_factory: pytest.TempPathFactory,
    keys: list[str],
    count: int,
    files: int,
    height: int,
    wrapped: bool,
) -> None:
    model = Model(tmp_path_factory.mktemp("logs"), count, files, height, wrapped=wrapped)
    pager = model.pager
    model.check()
    for key in keys:
        match key:
            case "grow":
                model.grow(3)
                assert pager.poll()
            case "filter":
                pager.use_filter(LogFilter(text="" if pager.window.filter else "even"))
            case _:
                getattr(pager, key)()
        model.check()
    pager.window.close()


def steps(model: Model, key: str, count: int) -> list[int]:
    places = []
    for _ in range(count):
        getattr(model.pager, key)()
        places.append(model.at)
    return places


def test_up_and_down_go_line_by_line_over_the_edge_of_the_page(tmp_path: Path) -> None:
    model = Model(tmp_path, 50, 2, 5, wrapped=False)
    assert steps(model, "up", 12) == list(range(48, 36, -1))
    assert steps(model, "down", 12) == list(range(38, 50))
    followed = [model.pager.follow]
    steps(model, "down", 1)
    followed.append(model.pager.follow)
    assert followed == [False, True], "down at the end follows"


def test_pages_overlap_by_one_line(tmp_path: Path) -> None:
    model = Model(tmp_path, 30, 1, 10, wrapped=False)
    model.pager.home()
    assert model.page[-1] == "odd 9"
    model.pager.page_down()
    assert model.page[0] == "odd 9"
    model.pager.page_up()
    assert model.page[0] == "even 0"


def test_a_page_that_is_not_followed_stays_while_the_log_grows(tmp_path: Path) -> None:
    model = Model(tmp_path, 30, 1, 10, wrapped=False)
    model.pager.up()
    before = model.page
    model.grow(100)
    assert model.pager.poll()
    assert model.page == before


def test_a_filter_keeps_the_line_in_use_on_the_page(tmp_path: Path) -> None:
    model = Model(tmp_path, 100, 1, 10, wrapped=False)
    for _ in range(41):
        model.pager.up()
    current = model.pager.current
    assert current is not None
    assert current.text == "even 58"
    model.pager.use_filter(LogFilter(text="even"))
    assert model.pager.current == current
    model.pager.use_filter(LogFilter())
    assert model.pager.current == current


def test_selects_lines_upwards_and_downwards_beyond_the_page(tmp_path: Path) -> None:
    model = Model(tmp_path, 50, 2, 5, wrapped=False)
    pager = model.pager
    pager.toggle_mark()
    for _ in range(8):
        pager.up()
    assert [line.text for line in pager.selection()] == model.everything[41:]
    assert all(pager.selected(index) for index in range(len(pager.lines)) if index >= pager.cursor)
    pager.toggle_mark()
    assert len(pager.selection()) == 1
    pager.toggle_mark()
    for _ in range(3):
        pager.down()
    assert [line.text for line in pager.selection()] == model.everything[41:45]
    assert sum(pager.selected(index) for index in range(len(pager.lines))) == 4


def test_a_file_that_begins_anew_is_shown_from_its_start(tmp_path: Path) -> None:
    model = Model(tmp_path, 50, 1, 5, wrapped=False)
    model.pager.up()
    model.paths[0].write_bytes(stamped(7))
    assert model.pager.poll()
    assert model.page == ["odd 7"]


def test_a_rare_match_is_looked_for_in_slices(tmp_path: Path) -> None:
    (tmp_path / "0.log").write_bytes(stamped(1) + stamped(2) * 300_000)
    pager = LogPager(LogWindow([LogFile("", tmp_path / "0.log")], LogFilter(text="odd")), 5)
    slices = 1
    while pager.unfinished:
        pager.fill()
        slices += 1
    assert [line.text for line in pager.lines] == ["odd 1"]
    assert slices > 3

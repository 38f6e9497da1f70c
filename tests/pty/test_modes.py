"""Screens or lines, colours or none: what the real command sends to which terminal."""

from __future__ import annotations

import re

import pytest

from tests.pty.site import Site
from tests.pty.terminal import Terminal

COLOURS = re.compile(rb"\x1b\[[0-9;:]*?(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8[;:][25])[0-9;:]*m")
MANY_COLOURS = re.compile(rb"\x1b\[[0-9;:]*[34]8[;:][25][0-9;:]*m")


def welcome(site: Site, **environ: str) -> bytes:
    """What the first screen sends, up to leaving it."""
    with site.terminal("--dir", site.directory.root, environ=environ) as terminal:
        terminal.wait("tke-tui  site")
        terminal.wait("uit")
        terminal.quiet()
        terminal.press("ctrl+q")
        assert terminal.end() == 0
        return terminal.raw


def test_colours_by_the_terminal(site: Site) -> None:
    assert MANY_COLOURS.search(welcome(site))
    sixteen = welcome(site, TERM="linux")
    assert COLOURS.search(sixteen)
    assert not MANY_COLOURS.search(sixteen)


def test_no_color_means_none(site: Site) -> None:
    raw = welcome(site, NO_COLOR="1")
    assert b"tke-tui" in raw
    assert not COLOURS.search(raw), COLOURS.search(raw)


def test_a_locale_without_utf_8_gets_ascii_and_english(site: Site) -> None:
    raw = welcome(site, LC_ALL="C", LANG="zh_CN.UTF-8")
    assert raw.isascii()


def test_a_chinese_locale_gets_chinese(site: Site) -> None:
    with site.terminal(
        "--dir", site.directory.root, environ={"LC_ALL": "", "LANG": "zh_CN.UTF-8"}
    ) as terminal:
        terminal.wait("退出")


def test_the_terminal_is_left_as_it_was(site: Site) -> None:
    raw = welcome(site)
    for on, off in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?1000h", b"\x1b[?1000l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
    ):
        assert raw.rfind(on) < raw.rfind(off), off


@pytest.mark.parametrize(
    ("arguments", "environ"), [([], {"TERM": "dumb"}), (["--plain"], {}), ([], {"CI": "true"})]
)
def test_lines_where_screens_are_not_wanted(
    site: Site, arguments: list[str], environ: dict[str, str]
) -> None:
    site.open("all")
    with site.terminal(
        "install", "-c", site.document, "--bundle", site.bundle, "--dir", site.directory.root,
        *arguments, environ=environ,
    ) as terminal:  # fmt: skip
        terminal.wait("SUCCESS after")
        assert terminal.end() == 0
        assert b"\x1b[?1049h" not in terminal.raw


def test_following_in_lines_ends_with_the_run_and_leaving_ends_nothing(site: Site) -> None:
    site.open("Preflight")
    with site.install() as terminal:
        terminal.wait("at the gate")
        terminal.hang_up()
    with site.attach("--plain") as terminal:
        terminal.wait("Preflight ok")
        terminal.press("ctrl+c")
        terminal.wait("The installation goes on")
        assert terminal.end() == 0
    assert site.engine
    with site.attach("--plain", size=(120, 40)) as terminal:
        terminal.wait("Preflight ok")
        site.open("all")
        terminal.wait("SUCCESS after")
        assert terminal.end() == 0


def test_attaching_where_nothing_is_says_so(site: Site) -> None:
    with site.attach() as terminal:
        terminal.wait("There is no installation")
        assert terminal.end() == 2


def test_a_mistake_of_the_program_ends_in_words_and_the_engine_goes_on(site: Site) -> None:
    site.open("Preflight")
    with site.install() as terminal:
        terminal.wait("at the gate")
        terminal.hang_up()
    with site.terminal(
        "attach", "--dir", site.directory.root, environ={"TKE_TEST_BROKEN_HELP": "1"}
    ) as terminal:
        terminal.wait("RUNNING")
        terminal.press("f1")
        assert terminal.end() == 1
        text = terminal.text
        assert "stopped on an error of its own" in text
        assert "ZeroDivisionError: a mistake in the program" in text
        assert "Traceback" not in text
        assert "tke-tui attach" in text
    assert "test_modes" not in text
    assert "ZeroDivisionError" in (site.directory.logs / "ui-error.txt").read_text()
    assert site.engine


def test_an_error_before_the_screens_is_a_text(site: Site) -> None:
    with Terminal("install", "-c", "/absent.json", "--bundle", site.bundle, home=site.home) as terminal:
        terminal.wait("fix:")
        assert terminal.end() == 2
        assert b"\x1b[?1049h" not in terminal.raw

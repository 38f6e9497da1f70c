"""Whether screens or lines, and with which characters: decided by the terminal unless somebody said so."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from tke_tui.cli_ui import Look, has_screen, only_ascii


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal())


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
        ({}, False),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "CI": ""}, True),
    ],
)
def test_screens_need_a_terminal_that_can(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: bool
) -> None:
    use_terminal(monkeypatch)
    assert has_screen(environ) is expected


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_a_redirected_stream_means_lines(
    monkeypatch: pytest.MonkeyPatch, name: str, stream: io.StringIO | None
) -> None:
    use_terminal(monkeypatch)
    monkeypatch.setattr(sys, name, stream)
    assert not has_screen({"TERM": "xterm"})


def test_a_browser_is_a_screen() -> None:
    assert has_screen({"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.utf8"}, False),
        ({"LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "zh_CN.GBK"}, True),
        ({}, True),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "en_US.UTF-8"}, False),
    ],
)
def test_only_ascii_is_drawn_where_the_locale_has_no_utf_8(environ: dict[str, str], expected: bool) -> None:
    assert only_ascii(environ) is expected


def test_an_option_after_the_command_counts_more_than_one_before_it() -> None:
    assert Look(theme="light").over(Look("zh", "dark", True)) == Look("zh", "light", True)
    assert Look(ascii=False).over(Look(ascii=True)).ascii is False


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("tke_tui.cli", "textual asyncssh aiohttp pydantic kubernetes_asyncio cryptography"),
        (
            "tke_tui.cli_engine, tke_tui.app, tke_tui.screens.welcome, tke_tui.screens.dashboard",
            "asyncssh aiohttp pydantic kubernetes_asyncio cryptography",
        ),
    ],
)
def test_the_start_does_not_wait_for_libraries_it_does_not_need(modules: str, absent: str) -> None:
    code = f"import sys, {modules}; print(*sorted({set(absent.split())!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

"""Pictures of screens are the same on every machine: no say of the terminal, the clock or the person's settings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
import textual
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.apps import LARGE, SMALL, TestApp, settled
from tke_tui.messages import use_language

PINNED = "8.2.8"
"""Patch releases of Textual draw differently: pictures are only taken with this one."""

OF_THE_TERMINAL = (
    "NO_COLOR",
    "SSH_TTY",
    "SSH_CONNECTION",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "TKE_TUI_LANG",
    "CI",
)

Before = Callable[[Pilot[Any]], Awaitable[None]]


class Snap(Protocol):
    def __call__(
        self,
        app: TestApp,
        size: tuple[int, int] = SMALL,
        *,
        press: Sequence[str] = (),
        before: Before | None = None,
    ) -> None: ...


@pytest.fixture(autouse=True)
def _only_with_the_pinned_textual(request: pytest.FixtureRequest) -> None:
    if request.config.option.update_snapshots and textual.__version__ != PINNED:
        pytest.exit(f"pictures are taken with textual {PINNED} only, this is {textual.__version__}", 2)


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in OF_THE_TERMINAL:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    use_language("en")
    yield
    use_language("en")
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(params=[SMALL, LARGE], ids=["80x24", "120x40"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Both sizes every screen is looked at in."""
    chosen: tuple[int, int] = request.param
    return chosen


@pytest.fixture
def snap(snap_compare: Callable[..., bool]) -> Snap:
    """`snap(app, size)` compares the screen with the committed picture, once the app shows what it knows.

    `before` works with the pilot first (then the app settles again); `press` are keys after that.
    """

    def compare(
        app: TestApp,
        size: tuple[int, int] = SMALL,
        *,
        press: Sequence[str] = (),
        before: Before | None = None,
    ) -> None:
        async def prepare(pilot: Pilot[Any]) -> None:
            await settled(pilot)
            if before is not None:
                await before(pilot)
            for key in press:
                await pilot.press(key)
            await settled(pilot)

        assert snap_compare(app, terminal_size=size, run_before=prepare)

    return compare

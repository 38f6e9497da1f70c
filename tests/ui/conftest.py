"""Each test of a screen has a home of its own, English texts and no say of the terminal it runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.ui.apps import TestApp, make_app
from tke_tui.messages import use_language

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


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in OF_THE_TERMINAL:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    use_language("en")
    yield
    use_language("en")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., TestApp]:
    """`make_app` in a directory of this test."""
    return partial(make_app, tmp_path)

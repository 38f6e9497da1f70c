"""What is the same on every screen: help, palette, an error, a lost engine, too small a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import app_of_journal, snap_app
from tests.ui.apps import SMALL, until
from tke_tui import attachment
from tke_tui.client import EngineClient
from tke_tui.core.errors import Evidence, Fatal, StateError
from tke_tui.settings import Settings


def test_help_on_the_dashboard(snap: Snap, size: tuple[int, int]) -> None:
    snap(app_of_journal("mid-run"), size, press=["f1"])


def test_help_on_the_first_screen_in_chinese(snap: Snap) -> None:
    from tke_tui.messages import use_language

    use_language("zh")
    snap(snap_app(settings=Settings(theme="dark", lang="zh")), press=["f1"])


def test_palette(snap: Snap, size: tuple[int, int]) -> None:
    async def find(pilot: Pilot[Any]) -> None:
        await pilot.press("ctrl+t", *"theme")
        await until(pilot, lambda: len(pilot.app.screen.query_one("CommandList").options) == 5)  # type: ignore[attr-defined]

    snap(app_of_journal("mid-run"), size, before=find)


@pytest.mark.parametrize("theme", ["dark", "light", "colour-blind", "ansi", "no-colour"])
def test_an_error(snap: Snap, theme: str) -> None:
    error = Fatal(
        "The thing [does not] work",
        detail="Its cause is told here, in one sentence or two, which may be as long as they like to be.",
        fix="Do this first.\nThen that: tke-tui --resume",
        evidence=Evidence("systemctl restart thing", 1, ("Job for thing.service failed.",)),
    )

    async def fail(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        app.fail(error)
        await pilot.pause()

    snap(app_of_journal("mid-run", settings=Settings(theme=theme, lang="en")), before=fail)


def test_a_lost_engine(snap: Snap, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachment, "PAUSES", (0.01,))
    app = app_of_journal("mid-run")

    async def lose(pilot: Pilot[Any]) -> None:
        async def attach() -> EngineClient:
            raise StateError("not there")

        app.context.attach = attach
        app.engine.lose()
        await until(pilot, lambda: "not answering" in app.banner)

    snap(app, size, before=lose)


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (24, 6)], ids=["59x16", "60x15", "24x6"])
def test_too_small(snap: Snap, size: tuple[int, int]) -> None:
    snap(app_of_journal("mid-run"), size)


def test_the_smallest_size(snap: Snap) -> None:
    snap(app_of_journal("failed"), (60, 16))


def test_the_lost_engine_without_colours_in_ascii(snap: Snap) -> None:
    app = app_of_journal("mid-run", settings=Settings(theme="no-colour", lang="en"), ascii_only=True)
    snap(app, SMALL, press=["ctrl+t"])

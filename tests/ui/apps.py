"""The real app for tests: an installation directory of its own, a stood-in engine, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual._context import visible_screen_stack
from textual.color import Color
from textual.pilot import Pilot

from tests.story import BEGIN
from tests.ui.fake_engine import FakeEngineClient
from tke_tui.app import Start, TkeApp
from tke_tui.app_context import AppContext
from tke_tui.client import EngineClient
from tke_tui.core.events import Event
from tke_tui.core.paths import InstallDir
from tke_tui.settings import Settings
from tke_tui.symbols import Symbols

SMALL, LARGE = (80, 24), (120, 40)
"""The size every screen is made for, and one where it may show more."""

PATIENCE = 10.0
"""Seconds until a condition that a test waits for counts as never met: generous, as machines may be busy."""


@dataclass
class Clock:
    """Time stands still unless a test sets `now` (seconds since the epoch)."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


class TestApp(TkeApp):
    """The app; `engine` is the stood-in engine it talks to, `clock` its time."""

    __test__ = False
    engine: FakeEngineClient
    clock: Clock


def make_app(
    directory: Path,
    *,
    start: Start = "welcome",
    events: Iterable[Event] = (),
    engine: FakeEngineClient | None = None,
    now: float = BEGIN,
    settings: Settings | None = None,
    ascii_only: bool = False,
    **context: Any,
) -> TestApp:
    """An app in `directory`/global. With start="dashboard" it attaches at once to an engine that has told `events`.

    `context` are further fields of the `AppContext`, such as `draft` or `bundle`.
    """
    place = InstallDir(directory / "global")
    place.create()
    client = engine or FakeEngineClient(place, events)
    clock = Clock(now)

    async def connect() -> EngineClient:
        return client

    app = TestApp(
        AppContext(
            directory=place,
            connect=connect,
            attach=connect,
            settings=settings or Settings(theme="dark", lang="en"),
            settings_path=directory / "config" / "settings.toml",
            recent_path=directory / "state" / "recent.json",
            symbols=Symbols(ascii=ascii_only),
            clock=clock,
            **context,
        ),
        start,
    )
    app.engine, app.clock = client, clock
    return app


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app work until the condition holds. Fails the test when it never does."""
    loop_time = pilot.app._loop.time if pilot.app._loop is not None else None
    assert loop_time is not None, "the app does not run"
    end = loop_time() + PATIENCE
    while not condition():
        assert loop_time() < end, "the condition was never met"
        await pilot.pause(0.01)


async def settled(pilot: Pilot[Any]) -> None:
    """Let the app work until it shows what it knows: events are folded and drawn, short jobs are done."""
    app = pilot.app
    assert isinstance(app, TestApp)

    def quiet() -> bool:
        busy = any(not worker.is_finished and worker.group != "engine" for worker in app.workers)
        attached = app.attachment is not None
        return not busy and (
            (app.engine.caught_up and app.attachment is not None and app.attachment.drawn)
            if attached
            else app.start == "welcome"
        )

    await until(pilot, quiet)
    await pilot.pause()


def shown(app: TkeApp) -> str:
    """The text on the screen, line by line, as a person would read it: what shines through dialogs, too."""
    before = visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips()
    visible_screen_stack.reset(before)
    for line_filter in app.get_line_filters():
        strips = [strip.apply_filter(line_filter, Color(0, 0, 0)) for strip in strips]
    return "\n".join(strip.text.rstrip() for strip in strips)

"""The result of an installation: everything that is needed, and no password unless somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot

from tests.journals import load, now_of
from tests.ui.apps import SMALL, TestApp, settled, shown, until
from tke_tui import app as app_module
from tke_tui.client import Refused
from tke_tui.screens import done
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.done import DoneScreen
from tke_tui.screens.modals.reveal import RevealModal

Make = Callable[..., TestApp]
PASSWORD = "secret"


class Blank(TkeScreen[None]):
    def body(self) -> ComposeResult:
        return iter(())


@pytest.fixture
def app(make: Make, monkeypatch: pytest.MonkeyPatch) -> TestApp:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())
    made = make(start="dashboard", events=load("done"), now=now_of("done") + 3600)
    made.engine.details["caCert"] = "-----BEGIN CERTIFICATE-----"
    return made


async def open_done(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    pilot.app.push_screen(DoneScreen())
    await until(pilot, lambda: isinstance(pilot.app.screen, DoneScreen) and pilot.app.screen.is_mounted)
    await settled(pilot)


async def test_tells_where_it_is_what_to_enter_and_what_to_type_next(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        text = " ".join(shown(app).split())
        for part in (
            "The platform is installed.",
            "107 tasks done",
            "3 machines",
            "in 4:15",
            "http://console.tke.example",
            "admin",
            "192.0.2.10 console.tke.example",
            "192.0.2.10 registry.tke.example",
            "/srv/tke/global/admin.kubeconfig",
            "global/pki/ca.crt",
            "get nodes -o wide",
        ):
            assert part in text, text
        assert PASSWORD not in text
        assert ("result", True) not in app.engine.commands


async def test_a_line_is_copied_whole(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        await pilot.press("y")
        assert app.clipboard == "http://console.tke.example"
        await pilot.press("down", "down", "down", "enter")
        await pilot.pause()
        assert app.clipboard == "192.0.2.10 console.tke.example\n192.0.2.10 registry.tke.example"


async def test_the_password_is_shown_after_a_question_and_hidden_again(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, RevealModal))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DoneScreen))
        assert PASSWORD not in shown(app)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, RevealModal))
        await pilot.press("y")
        await until(pilot, lambda: PASSWORD in shown(app))
        await until(pilot, lambda: "v hide password" in shown(app))
        assert "show password" not in shown(app)
        await pilot.press("v")
        await until(pilot, lambda: PASSWORD not in shown(app))
        await until(pilot, lambda: "v show password" in shown(app))


async def test_a_password_does_not_stay_on_the_screen(app: TestApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(done, "REVEALED", 0.3)
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, RevealModal))
        await pilot.press("y")
        await until(pilot, lambda: PASSWORD in shown(app))
        await until(pilot, lambda: PASSWORD not in shown(app))


async def test_the_password_can_be_copied_unseen(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        await pilot.press("P")
        await until(pilot, lambda: app.clipboard == PASSWORD)
        assert PASSWORD not in shown(app)


async def test_a_result_that_is_not_there_is_explained(app: TestApp) -> None:
    app.engine.refusals.append(Refused("Nothing has ended well yet", fix="Wait for the end."))
    async with app.run_test(size=SMALL) as pilot:
        await open_done(pilot)
        await until(pilot, lambda: "Wait for the end." in shown(app))

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import snap_app
from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.inputs import complete_draft
from tests.ui.preflight_findings import findings
from tke_tui.client import Refused
from tke_tui.forms.draft import Draft
from tke_tui.screens.preflight import PreflightScreen
from tke_tui.screens.review import ReviewScreen
from tke_tui.widgets.preflight_panel import PreflightPanel

Size = tuple[int, int]


def make(draft: Draft | None = None, **options: Any) -> TestApp:
    app = snap_app(draft=draft or complete_draft(Path()), **options)
    app.engine.findings = findings(["192.0.2.11", "192.0.2.12", "192.0.2.13"])
    return app


async def to_review(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, TestApp)
    app.show_form("review")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and app.screen.focused)
    await settled(pilot)


async def checked(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.query_one(PreflightPanel).view.complete)
    await settled(pilot)


def test_the_plan(snap: Snap, size: Size) -> None:
    snap(make(), size, before=to_review)


def test_problems(snap: Snap, size: Size) -> None:
    snap(make(Draft.new()), size, before=to_review, press=["1"])


def test_the_document(snap: Snap, size: Size) -> None:
    snap(make(), size, before=to_review, press=["4"])


def checks(*keys: str) -> Callable[[Pilot[Any]], Any]:
    async def before(pilot: Pilot[Any]) -> None:
        await to_review(pilot)
        await pilot.press("3")
        await checked(pilot)
        for key in keys:
            await pilot.press(key)

    return before


def test_the_checks(snap: Snap, size: Size) -> None:
    snap(make(), size, before=checks("f"))


def test_a_check_that_is_ignored_in_plain_characters(snap: Snap) -> None:
    snap(make(ascii_only=True), before=checks("f", "i"))


def test_a_refused_beginning(snap: Snap, size: Size) -> None:
    app = make()
    app.engine.refusals = [
        Refused(
            "There is already an installation in this directory",
            detail="interrupted, 84 tasks done",
            fix="Continue it with --resume, or choose another directory with --dir.",
        )
    ]

    async def refused(pilot: Pilot[Any]) -> None:
        await to_review(pilot)
        await pilot.press("b", *"install", "enter")
        await until(pilot, lambda: "There is already" in shown(app))

    snap(app, size, before=refused)


def test_the_checks_on_their_own(snap: Snap, size: Size) -> None:
    app = make()

    async def opened(pilot: Pilot[Any]) -> None:
        await app.push_screen(PreflightScreen())
        await until(pilot, lambda: app.screen.query(PreflightPanel))
        await checked(pilot)

    snap(app, size, before=opened, press=["f", "f"])

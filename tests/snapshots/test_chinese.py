"""The main screens in Chinese: every letter takes two cells, and nothing may shift."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import app_of_journal, snap_app
from tests.snapshots.test_dashboard import FAILED, with_logs
from tests.snapshots.test_machines import app_with, to_machines
from tests.ui.apps import settled, until
from tests.ui.inputs import draft_with
from tke_tui.messages import use_language
from tke_tui.settings import Settings

CHINESE = Settings(theme="dark", lang="zh")
Size = tuple[int, int]


@pytest.fixture(autouse=True)
def _in_chinese(_same_everywhere: None) -> None:
    use_language("zh")


def test_first_screen(snap: Snap, size: Size) -> None:
    snap(snap_app(settings=CHINESE), size)


@pytest.mark.parametrize("journal", ["mid-run", "failed", "done"])
def test_dashboard(snap: Snap, size: Size, journal: str) -> None:
    snap(with_logs(app_of_journal(journal, settings=CHINESE), FAILED), size)


def test_machines(snap: Snap, size: Size) -> None:
    app = app_with("10.0.0.[11-15]", settings=CHINESE)
    snap(app, size, before=to_machines, press=["t", "down"])


@pytest.mark.parametrize("name", ["basics", "cluster"])
def test_form(snap: Snap, size: Size, name: str) -> None:
    async def shown(pilot: Pilot[Any]) -> None:
        pilot.app.show_form(name)  # type: ignore[attr-defined]
        await until(pilot, lambda: pilot.app.screen.query("#form-note"))
        await settled(pilot)

    snap(snap_app(draft=draft_with("10.0.0.11"), settings=CHINESE), size, before=shown)

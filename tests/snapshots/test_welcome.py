from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import snap_app
from tests.ui.apps import TestApp, shown, until
from tests.ui.inputs import draft_with, make_bundle
from tke_tui.client import EngineStatus
from tke_tui.recent import Recent
from tke_tui.screens import welcome

Size = tuple[int, int]
AT = 1_790_000_000.0


def test_nothing_there(snap: Snap, size: Size) -> None:
    snap(snap_app(), size)


def test_a_draft_and_a_bundle(snap: Snap, size: Size) -> None:
    app = snap_app(bundle=make_bundle(Path("bundle")))
    draft_with("10.0.0.11").autosave(app.context.directory)
    os.utime(app.context.directory.draft, (AT, AT))

    async def checked(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Kubernetes 1.20.4" in shown(app))

    snap(app, size, before=checked)


def test_no_bundle_there(snap: Snap, size: Size) -> None:
    app = snap_app(bundle=Path("nowhere"))

    async def checked(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "There is no bundle" in shown(app))

    snap(app, size, before=checked)


@pytest.mark.parametrize(
    "status",
    [
        EngineStatus(alive=True, phase="running", run="doing", started=AT, controller="root on pts/3"),
        EngineStatus(alive=False, phase="ended", run="doing"),
        EngineStatus(alive=False, phase="ended", run="success"),
    ],
    ids=["running", "interrupted", "finished"],
)
def test_an_installation_there(snap: Snap, status: EngineStatus) -> None:
    app = snap_app()
    app.engine.fixed_status = status
    app.context.directory.journal.write_text("")
    os.utime(app.context.directory.journal, (AT, AT))
    snap(app)


def test_directories_used_before(snap: Snap, monkeypatch: pytest.MonkeyPatch, size: Size) -> None:
    app: TestApp = snap_app(elsewhere=lambda place: (app.context.connect, app.context.attach))
    used = [Recent(Path(f"/srv/tke/site-{name}"), AT - 86400 * number) for number, name in enumerate("abc")]
    monkeypatch.setattr(welcome, "recent", lambda file, without: used)
    snap(app, size)


def test_plain_characters(snap: Snap) -> None:
    snap(snap_app(ascii_only=True))

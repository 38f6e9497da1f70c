from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.core.model.inputs import good_document
from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.fake_engine import FakeEngineClient
from tests.ui.inputs import dashboard_shown, draft_with, make_bundle
from tke_tui.app_context import Connect
from tke_tui.client import EngineClient, EngineStatus
from tke_tui.core.errors import StateError
from tke_tui.core.paths import InstallDir
from tke_tui.forms.draft import Draft
from tke_tui.recent import recent, remember
from tke_tui.screens.welcome import WelcomeScreen
from tke_tui.widgets.path_input import PathInput

Make = Callable[..., TestApp]


def choices(app: TestApp) -> list[str]:
    return [str(option.id) for option in app.screen.query_one(OptionList).options]


async def typed(pilot: Pilot[None], text: str) -> None:
    field = pilot.app.screen.query_one(PathInput)
    field.value = text
    await pilot.pause()


@pytest.mark.parametrize(
    ("status", "offered", "told"),
    [
        (EngineStatus(alive=False), ["new", "open"], "Nothing was installed from here yet."),
        (
            EngineStatus(
                alive=True, pid=7, phase="running", started=1.0, controller="root on pts/3", run="doing"
            ),
            ["watch"],
            "Running since",
        ),
        (
            EngineStatus(alive=False, phase="ended", run="doing"),
            ["continue", "watch", "again"],
            "Interrupted on",
        ),
        (EngineStatus(alive=False, phase="ended", run="failed"), ["continue", "watch", "again"], "Failed on"),
        (
            EngineStatus(alive=False, phase="ended", run="cancelled"),
            ["continue", "watch", "again"],
            "Stopped on",
        ),
        (EngineStatus(alive=False, phase="ended", run="success"), ["watch", "again"], "Finished on"),
    ],
)
async def test_what_can_be_done_depends_on_what_there_is(
    make: Make, status: EngineStatus, offered: list[str], told: str
) -> None:
    app = make()
    app.engine.fixed_status = status

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert choices(app) == offered
        assert told in shown(app)
        if status.controller:
            assert "root on pts/3" in shown(app)


async def test_an_installation_that_cannot_be_read_says_why(make: Make) -> None:
    app = make()

    async def broken() -> object:
        raise StateError("The journal is damaged", fix="Restore it")

    app.context.attach = broken  # type: ignore[assignment]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "The journal is damaged. Restore it" in shown(app)
        assert choices(app) == []


async def test_a_new_installation_begins_with_the_form_and_the_bundle(make: Make, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    app = make()

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await typed(pilot, f"  {bundle} ")
        await until(pilot, lambda: "Kubernetes 1.20.4, 1.19.7" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "form_name", "") == "basics")
        assert app.context.draft is not None
        assert app.context.draft.bundle == bundle
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        await settled(pilot)
        assert choices(app)[0] == "form", "coming back offers to go on with what was filled in"


async def test_a_wrong_bundle_is_said_below_its_line_while_typing(make: Make, tmp_path: Path) -> None:
    app = make()

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("b")
        assert app.screen.query_one(PathInput).has_focus
        await typed(pilot, str(tmp_path / "nowhere"))
        await until(pilot, lambda: "There is no bundle at" in shown(app) and "Unpack" in shown(app))
        await pilot.press("escape")
        assert app.screen.query_one(OptionList).has_focus, "escape leaves the line, not the screen"


async def test_paths_are_completed(make: Make, tmp_path: Path) -> None:
    make_bundle(tmp_path / "offline" / "tke-v1.3.1")
    app = make()

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("b", *"~/off")
        await until(pilot, lambda: app.screen.query_one(PathInput)._suggestion)
        await pilot.press("right")
        assert app.screen.query_one(PathInput).path == tmp_path / "offline"


async def test_a_file_is_opened_or_its_problem_is_shown(make: Make, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "tke.json"
    bad.write_text('{"cluster": ')
    good.write_text(json.dumps(good_document()))
    app = make()

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await typed(pilot, str(bad))
        await pilot.press("enter")
        assert "cannot be opened" in shown(app)
        assert "not valid JSON" in shown(app)
        await typed(pilot, str(good))
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen, "form_name", "") == "basics")
        assert app.context.draft is not None
        assert app.context.draft.para.first.ip == "192.0.2.11"


async def test_what_was_left_unfinished_comes_back(make: Make) -> None:
    app = make()
    draft_with("10.0.0.[11-13]").autosave(app.context.directory)
    os.utime(app.context.directory.draft, (0, 1_790_000_000))

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert choices(app) == ["restore", "new", "open"]
        assert "Left on 2026-09-2" in shown(app)
        await pilot.press("c")
        await until(pilot, lambda: getattr(app.screen, "form_name", "") == "basics")
        assert app.context.draft is not None
        assert len(app.context.draft.para.machines) == 3


async def test_a_new_installation_does_not_throw_away_the_draft_that_is_offered(make: Make) -> None:
    app = make(draft=draft_with("10.0.0.11"))
    kept: Draft = app.context.draft  # type: ignore[assignment]

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "1 machine so far" in shown(app)
        await pilot.press("n")
        await until(pilot, lambda: "Begin anew?" in shown(app))
        await pilot.press("enter")
        await pilot.pause()
        assert app.context.draft is kept, "the first key press gives nothing up"
        await pilot.press("c")
        await until(pilot, lambda: getattr(app.screen, "form_name", "") == "basics")
        assert app.context.draft is kept
        await pilot.press("escape", "n", "y")
        await until(pilot, lambda: app.context.draft is not kept)


async def test_continuing_asks_the_engine_to_go_on(make: Make) -> None:
    app = make()
    app.engine.fixed_status = EngineStatus(alive=True, phase="ended", run="failed")

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await until(pilot, lambda: ("resume",) in app.engine.commands)
        await dashboard_shown(pilot)


async def test_an_installation_begins_again_only_when_somebody_says_so(make: Make) -> None:
    app = make()
    app.engine.fixed_status = EngineStatus(alive=True, phase="ended", run="failed")

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await until(pilot, lambda: "Begin again?" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        assert app.engine.commands == []
        await pilot.press("a")
        await until(pilot, lambda: "Begin again?" in shown(app))
        await pilot.press("y")
        await until(pilot, lambda: ("restart",) in app.engine.commands)
        await dashboard_shown(pilot)


# --- other directories ----------------------------------------------------------------------------------------------


def used(app: TestApp, *places: Path) -> None:
    """Directories that were used before, the last one last; those with a name that says so hold nothing."""
    for number, place in enumerate(places):
        place.mkdir()
        if place.name != "empty":
            (place / "tke.json").write_text("{}")
        remember(app.context.recent_path, place, 1.0 + number)


def ways(client: FakeEngineClient) -> Callable[[InstallDir], tuple[Connect, Connect]]:
    async def way() -> EngineClient:
        return client

    return lambda place: (way, way)


async def test_directories_that_were_used_before_are_one_key_away(make: Make, tmp_path: Path) -> None:
    other = FakeEngineClient(InstallDir(tmp_path / "two"))
    other.fixed_status = EngineStatus(alive=False, phase="ended", run="success")
    app = make(elsewhere=ways(other), draft=draft_with("10.0.0.11"))
    used(app, tmp_path / "one", tmp_path / "gone", tmp_path / "empty", tmp_path / "two")
    shutil.rmtree(tmp_path / "gone")

    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        text = shown(app)
        assert f"1 {tmp_path / 'two'}" in text
        assert f"2 {tmp_path / 'one'}" in text
        assert "gone" not in text
        assert "empty" not in text
        await pilot.press("1")
        await until(pilot, lambda: "Finished on" in shown(app))
        assert app.context.directory.root == tmp_path / "two"
        assert app.context.draft is None, "what was filled in belongs to the other directory"
        assert choices(app)[:2] == ["watch", "again"]
        assert shown(app).split()[:2] == ["tke-tui", "two"]
        assert f"1 {tmp_path / 'one'}" in shown(app)


async def test_an_engine_that_was_followed_is_left_when_another_directory_is_opened(
    make: Make, tmp_path: Path
) -> None:
    other = FakeEngineClient(InstallDir(tmp_path / "one"))
    app = make(elsewhere=ways(other))
    used(app, tmp_path / "one")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.attach(app.engine)
        await until(pilot, lambda: app.attached)
        await pilot.press("1")
        await until(pilot, lambda: app.engine.closed)
        assert app.attachment is None
        assert "new" in choices(app)


async def test_what_was_opened_is_offered_elsewhere_later(make: Make) -> None:
    app = make()
    app.engine.fixed_status = EngineStatus(alive=True, phase="ended", run="failed")
    app.context.directory.para.write_text("{}")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("w")
        await dashboard_shown(pilot)
    found = recent(app.context.recent_path, without=Path("/elsewhere"))
    assert [each.directory for each in found] == [app.context.directory.root]

"""The screen of one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot

from tests.journals import load, now_of
from tests.ui.apps import LARGE, TestApp, settled, shown, until
from tke_tui import app as app_module
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.logs import LogsScreen
from tke_tui.screens.step import StepScreen
from tke_tui.screens.task import TaskScreen

Make = Callable[..., TestApp]


class Blank(TkeScreen[None]):
    def body(self) -> ComposeResult:
        return iter(())


@pytest.fixture(autouse=True)
def _blank_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())


async def open_step(pilot: Pilot[Any], name: str) -> None:
    await settled(pilot)
    screen = StepScreen(name)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and screen.is_mounted)
    await settled(pilot)


def at(make: Make, journal: str) -> TestApp:
    return make(start="dashboard", events=load(journal), now=now_of(journal))


async def test_a_step_at_work_lists_its_tasks_and_says_that_the_end_depends_on_it(make: Make) -> None:
    app = at(make, "mid-run")
    async with app.run_test(size=LARGE) as pilot:
        await open_step(pilot, "Create global cluster")
        text = shown(app)
        for part in (
            "Create the cluster",
            "running",
            "step 7 of 36",
            "21 of 80 tasks done",
            "left",
            "The end of the installation depends on it: EnsureKubelet on 10.0.0.11",
            "EnsureKubernetesImages",
            "3/7 k8s.gcr.io/coredns:1.7.0",
        ):
            assert part in text, text
        assert "Waits for:" not in text


async def test_a_step_that_has_not_begun_says_what_it_waits_for(make: Make) -> None:
    app = at(make, "mid-run")
    async with app.run_test(size=LARGE) as pilot:
        await open_step(pilot, "Create namespace for install TKE")
        assert "Waits for: Create global cluster" in shown(app)


async def test_a_failure_is_shown_below_and_can_be_retried(make: Make) -> None:
    app = at(make, "failed")
    async with app.run_test(size=LARGE) as pilot:
        await open_step(pilot, "Create global cluster")
        assert "What to do:" in shown(app)
        await pilot.press("tab", "r")
        await until(pilot, lambda: app.engine.commands == [("retry", ("EnsureKubelet@10.0.0.13",))])


async def test_enter_opens_a_task_and_l_its_log(make: Make) -> None:
    app = at(make, "failed")
    async with app.run_test(size=LARGE) as pilot:
        await open_step(pilot, "Create global cluster")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TaskScreen))
        await pilot.press("escape", "l")
        await until(pilot, lambda: isinstance(app.screen, LogsScreen))


async def test_a_step_that_no_plan_has_is_no_mistake(make: Make) -> None:
    app = at(make, "failed")
    async with app.run_test(size=LARGE) as pilot:
        await open_step(pilot, "No such step")
        assert "does not have this step" in shown(app)

"""The screen of one machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot

from tests.journals import load, now_of
from tests.ui.apps import LARGE, SMALL, TestApp, settled, shown, until
from tests.ui.installed import PASSWORD, save_input
from tke_tui import app as app_module
from tke_tui.core import events as ev
from tke_tui.core.node_logs import NodeLogs
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.modals.fix_login import FixLoginModal
from tke_tui.screens.node import NodeScreen
from tke_tui.screens.task import TaskScreen
from tke_tui.widgets.failure_card import FailureCard
from tke_tui.widgets.task_list import TaskList

Make = Callable[..., TestApp]


class Blank(TkeScreen[None]):
    def body(self) -> ComposeResult:
        return iter(())


@pytest.fixture(autouse=True)
def _blank_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())


def prepared(make: Make, journal: str) -> TestApp:
    """An installation with its input, what its checks found, and a log of each machine."""
    app = make(start="dashboard", events=load(journal), now=now_of(journal))
    directory = app.context.directory
    save_input(directory)
    found = [
        ("OperatingSystem", "ok", "Debian GNU/Linux 12 (bookworm)", ""),
        ("NumCPU", "ok", "8 CPUs", ""),
        ("Swap", "warning", "swap is on", "swapoff -a"),
    ]
    directory.preflight.write_text(
        json.dumps(
            [
                {"check": check, "node": node, "severity": severity, "message": message, "fix": fix}
                for node in ("10.0.0.11", "10.0.0.13")
                for check, severity, message, fix in found
            ]
        )
    )
    logs = NodeLogs(directory)
    for node in ("10.0.0.11", "10.0.0.13"):
        logs.write(node, 1_790_000_001, "EnsureKubelet", "stdout", f"said by {node}")
    logs.close()
    return app


async def open_node(pilot: Pilot[Any], node: str) -> None:
    await settled(pilot)
    screen = NodeScreen(node)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and screen.is_mounted)
    await settled(pilot)


async def test_tells_the_login_the_system_the_tasks_and_the_log(make: Make) -> None:
    app = prepared(make, "mid-run")
    async with app.run_test(size=LARGE) as pilot:
        await open_node(pilot, "10.0.0.11")
        text = shown(app)
        for part in (
            "installer@10.0.0.11:2200",
            "Debian GNU/Linux 12 (bookworm)",
            "8 CPUs",
            "Swap: swap is on. swapoff -a",
            "running",
            "EnsureDocker",
            "done in",
            "said by 10.0.0.11",
        ):
            assert part in text, text
        assert PASSWORD not in text


async def test_what_happens_on_the_machine_is_drawn_at_once(make: Make) -> None:
    app = prepared(make, "mid-run")
    async with app.run_test(size=LARGE) as pilot:
        await open_node(pilot, "10.0.0.11")
        app.engine.feed(
            ev.TaskSucceeded(
                task="EnsureKubelet@10.0.0.11", key="k", seconds=754.0, changes=("x",), at=app.clock.now
            )
        )
        await until(pilot, lambda: "done in 12:34" in shown(app))


async def test_the_failure_of_the_task_under_the_cursor_takes_the_place_of_the_log(make: Make) -> None:
    app = prepared(make, "failed")
    async with app.run_test(size=LARGE) as pilot:
        await open_node(pilot, "10.0.0.13")
        assert "systemctl restart kubelet" in shown(app)
        assert "said by" not in shown(app)
        await pilot.press("tab")
        assert isinstance(app.focused, FailureCard)
        await pilot.press("r")
        await until(pilot, lambda: app.engine.commands == [("retry", ("EnsureKubelet@10.0.0.13",))])
        await pilot.press("shift+tab", "up")
        await until(pilot, lambda: "said by 10.0.0.13" in shown(app))
        await pilot.press("f")
        await until(pilot, lambda: "systemctl restart kubelet" in shown(app))


async def test_enter_opens_the_task_and_the_brackets_go_to_other_machines(make: Make) -> None:
    app = prepared(make, "failed")
    async with app.run_test(size=SMALL) as pilot:
        await open_node(pilot, "10.0.0.13")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TaskScreen))
        await pilot.press("escape", "right_square_bracket")
        await until(pilot, lambda: isinstance(app.screen, NodeScreen) and app.screen.node == "10.0.0.11")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: isinstance(app.screen, NodeScreen) and app.screen.node == "10.0.0.13")


async def test_e_changes_the_login(make: Make) -> None:
    app = prepared(make, "failed")
    async with app.run_test(size=SMALL) as pilot:
        await open_node(pilot, "10.0.0.13")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, FixLoginModal))


async def test_a_machine_of_which_nothing_is_known_shows_its_tasks(make: Make) -> None:
    app = make(start="dashboard", events=load("failed"), now=now_of("failed"))
    async with app.run_test(size=SMALL) as pilot:
        await open_node(pilot, "10.0.0.12")
        assert app.screen.query_one(TaskList).selected is not None
        assert "of 23 tasks done" in shown(app)

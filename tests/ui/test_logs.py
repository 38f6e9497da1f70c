"""The screen of all logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.journals import load, now_of
from tests.ui.apps import SMALL, TestApp, settled, shown, until
from tke_tui import app as app_module
from tke_tui.core import events as ev
from tke_tui.core.node_logs import NodeLogs
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.logs import LogsScreen
from tke_tui.widgets import log_pane
from tke_tui.widgets.log_pane import LogPane

Make = Callable[..., TestApp]


class Blank(TkeScreen[None]):
    def body(self) -> ComposeResult:
        return iter(())


@pytest.fixture
def app(make: Make, monkeypatch: pytest.MonkeyPatch) -> TestApp:
    """An installation of three machines on which one task failed; every log has a line of its own."""
    monkeypatch.setattr(log_pane, "TICK", 0.02)
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())
    made = make(start="dashboard", events=load("failed"), now=now_of("failed"))
    logs = NodeLogs(made.context.directory)
    for second, node in enumerate(("10.0.0.13", "", "10.0.0.11", "10.0.0.12")):
        logs.write(
            node, 1_790_000_000 + second, "EnsureDocker", "stdout", f"said by {node or 'the installer'}"
        )
    logs.write("10.0.0.99", 1_790_000_000, "EnsureDocker", "stdout", "said by an earlier machine")
    logs.write("10.0.0.13", 1_790_000_009, "EnsureKubelet", "stderr", "kubelet does not start")
    logs.close()
    return made


async def open_logs(pilot: Pilot[Any], screen: LogsScreen) -> None:
    await settled(pilot)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and screen.is_mounted)
    await settled(pilot)


def names(app: TestApp) -> tuple[str, ...]:
    return app.screen.query_one(LogPane).pager.window.names


async def test_begins_with_all_logs_in_the_order_of_time(app: TestApp) -> None:
    async with app.run_test(size=(120, 24)) as pilot:
        await open_logs(pilot, LogsScreen())
        said = [line.text for line in app.screen.query_one(LogPane).pager.lines]
        assert said[0] in ("said by 10.0.0.13", "said by an earlier machine")
        assert said[2:] == [
            "said by the installer",
            "said by 10.0.0.11",
            "said by 10.0.0.12",
            "kubelet does not start",
        ]
        text = shown(app)
        assert "✘ 10.0.0.13" in text
        assert "10.0.0.99" in text, "a machine of an earlier plan"


async def test_the_brackets_go_through_the_logs(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_logs(pilot, LogsScreen())
        for expected in (("",), ("10.0.0.11",), ("10.0.0.12",)):
            await pilot.press("right_square_bracket")
            await until(pilot, lambda: names(app) == expected)  # noqa: B023 - awaited
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: names(app) == ("10.0.0.11",))
        await until(pilot, lambda: "said by 10.0.0.11" in shown(app))


async def test_a_log_of_the_list_keeps_the_filter(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_logs(pilot, LogsScreen("10.0.0.13", "EnsureKubelet@10.0.0.13"))
        pane = app.screen.query_one(LogPane)
        assert [line.text for line in pane.pager.lines] == ["kubelet does not start"]
        await pilot.press("shift+tab", "up", "enter")
        await until(pilot, lambda: names(app) == ("10.0.0.12",))
        assert pane.pager.window.filter.task == "EnsureKubelet"
        assert pane.pager.lines == []
        assert app.focused is pane.lines


async def test_a_task_alone_opens_the_log_of_its_machine(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_logs(pilot, LogsScreen(None, "EnsureKubelet@10.0.0.13"))
        assert names(app) == ("10.0.0.13",)


async def test_z_gives_the_log_the_whole_width(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_logs(pilot, LogsScreen("10.0.0.11"))
        before = app.screen.query_one(LogPane).size.width
        await pilot.press("z")
        await pilot.pause()
        assert app.screen.query_one(LogPane).size.width > before
        assert app.focused is app.screen.query_one(LogPane).lines


async def test_the_list_shows_how_machines_fare(app: TestApp) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await open_logs(pilot, LogsScreen("10.0.0.11"))
        app.engine.feed(ev.TaskReset(task="EnsureKubelet@10.0.0.13", at=app.clock.now))
        app.engine.feed(ev.TaskStarted(task="EnsureKubelet@10.0.0.13", key="k", at=app.clock.now))
        await until(pilot, lambda: "► 10.0.0.13" in shown(app))
        assert app.screen.query_one(OptionList).highlighted == 2

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.inputs import complete_draft
from tke_tui.client import Refused
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.probes import Finding
from tke_tui.core.run_settings import RunSettings
from tke_tui.preflight_view import PreflightView
from tke_tui.screens.preflight import PreflightScreen
from tke_tui.symbols import State
from tke_tui.widgets.check_matrix import CheckMatrix, short_names
from tke_tui.widgets.preflight_panel import PreflightPanel

Make = Callable[..., TestApp]
SIZE = (80, 24)
FIRST, SECOND, THIRD = "192.0.2.11", "192.0.2.12", "192.0.2.13"
FINDINGS = [
    Finding("NumCPU", FIRST, "ok", "8 CPUs"),
    Finding("NumCPU", SECOND, "warning", "4 CPUs", "8 are advised for the whole platform"),
    Finding("NumCPU", THIRD, "ok", "8 CPUs"),
    Finding("Port-6443", SECOND, "error", "port 6443 is in use by kube-apiserver", "Stop what listens there"),
    Finding("Port-2379", SECOND, "error", "port 2379 is in use by etcd", "Stop what listens there"),
    Finding("SSH", THIRD, "error", "No route to 192.0.2.13", "Check the network"),
    Finding("InstallerDocker", "", "ok", "24.0.7"),
]


async def opened(app: TestApp, pilot: Pilot[Any]) -> PreflightPanel:
    await settled(pilot)
    await app.push_screen(PreflightScreen())
    await until(pilot, lambda: app.screen.query(PreflightPanel))
    return app.screen.query_one(PreflightPanel)


def to(app: TestApp, row: str, node: str) -> None:
    """Put the cursor there."""
    matrix = app.screen.query_one(CheckMatrix)
    matrix.place = (matrix.view.rows.index(row), matrix.view.nodes.index(node))


async def test_checks_come_in_and_every_cell_explains_itself(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    app.engine.findings = FINDINGS
    async with app.run_test(size=SIZE) as pilot:
        panel = await opened(app, pilot)
        await until(pilot, lambda: panel.view.complete)
        await pilot.pause()
        text = shown(app)
        assert "3 machines" in text
        assert "3 errors" in text
        assert "1 warning " in text
        assert "common .11" in text

        # The cursor is where the first problem is.
        assert "error Port-6443: port 6443 is in use by kube-apiserver" in text
        assert "error Port-2379" in text
        assert "What to do: Stop what listens there" in text
        await pilot.press("f")
        await until(pilot, lambda: "No route to 192.0.2.13" in shown(app))

        to(app, "NumCPU", FIRST)
        await pilot.pause()
        assert "ok: 8 CPUs" in shown(app)
        to(app, "Port", FIRST)
        await pilot.pause()
        assert "nothing to say" in shown(app)


async def test_a_check_is_ignored_only_when_somebody_says_so(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    app.engine.findings = FINDINGS
    async with app.run_test(size=SIZE) as pilot:
        panel = await opened(app, pilot)
        await until(pilot, lambda: panel.view.complete)
        to(app, "Port", SECOND)
        await pilot.press("i")
        await pilot.pause()
        assert app.context.draft is not None
        assert app.context.draft.options.ignore_preflight == ["Port-2379", "Port-6443"]
        assert panel.view.count("error") == 1
        assert "2 ignored" in shown(app)

        await pilot.press("i")
        await pilot.pause()
        assert app.context.draft.options.ignore_preflight == []
        assert panel.view.count("error") == 3

        to(app, "SSH", THIRD)
        await pilot.press("i")
        await pilot.pause()
        assert app.context.draft.options.ignore_preflight == [], (
            "a machine nobody reaches cannot be installed"
        )

    (command,) = [command for command in app.engine.commands if command[0] == "preflight"]
    assert command[2].options.ignore_preflight == frozenset(), "so that it can be taken back"


async def test_a_refusal_is_shown_in_place_and_the_checks_can_be_repeated(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    app.engine.findings = FINDINGS
    app.engine.refusals = [Refused("An installation runs here", detail="since 14:02", fix="Watch it.")]
    async with app.run_test(size=SIZE) as pilot:
        panel = await opened(app, pilot)
        await until(pilot, lambda: "An installation runs here" in shown(app))
        assert not panel.view.complete
        await pilot.press("r")
        await until(pilot, lambda: panel.view.complete)
        await pilot.pause()
        assert "An installation runs here" not in shown(app)


async def test_leaving_stops_the_checks(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    closed = asyncio.Event()

    async def endless(para: CreateClusterPara, settings: RunSettings) -> AsyncIterator[Finding]:
        try:
            yield FINDINGS[0]
            await asyncio.Event().wait()
        finally:
            closed.set()

    app.engine.preflight = endless  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: "checking ..." in shown(app) and "NumCPU" in shown(app))
        await pilot.press("escape")
        await until(pilot, closed.is_set)


async def test_what_the_last_run_found_is_shown_without_a_draft(make: Make) -> None:
    app = make()
    app.context.directory.preflight.write_text(json.dumps([finding.as_dict() for finding in FINDINGS]))
    async with app.run_test(size=SIZE) as pilot:
        panel = await opened(app, pilot)
        await until(pilot, lambda: panel.view.complete)
        await pilot.pause()
        assert "3 errors" in shown(app)
        assert app.engine.commands == []


async def test_the_palette_leads_to_the_checks(make: Make) -> None:
    app = make()
    app.context.directory.preflight.write_text(json.dumps([finding.as_dict() for finding in FINDINGS]))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        command = next(c for c in app.get_system_commands(app.screen) if c.title == "view: checks")
        command.callback()
        await until(pilot, lambda: isinstance(app.screen, PreflightScreen) and "3 errors" in shown(app))


async def test_many_machines_scroll_sideways(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    nodes = [f"192.0.2.{number}" for number in range(1, 41)]
    app.engine.findings = [Finding("NumCPU", node, "ok", "") for node in nodes]
    async with app.run_test(size=SIZE) as pilot:
        panel = await opened(app, pilot)
        await until(pilot, lambda: panel.view.complete)
        await pilot.pause()
        assert "more" in shown(app)
        to(app, "NumCPU", "192.0.2.40")
        await pilot.pause()
        assert ".40" in shown(app)
        assert "192.0.2.40" in shown(app)


def test_the_worst_finding_of_a_cell_counts() -> None:
    view = PreflightView(["a", "b"])
    for finding in (
        Finding("Port-1", "a", "ok", ""),
        Finding("Port-2", "a", "error", "in use"),
        Finding("Port-3", "a", "warning", "slow"),
        Finding("Port-3", "a", "warning", "slow"),
    ):
        assert view.add(finding) == "Port"

    assert view.state("Port", "a") is State.FAILED
    assert view.state("Port", "b") is State.PENDING
    assert (view.count("error"), view.count("warning"), view.passed) == (1, 1, False)
    view.toggle(["port-2"])
    view.complete = True
    assert (view.state("Port", "a"), view.state("Port", "b")) == (State.BLOCKED, State.LEFT_OUT)
    assert view.passed
    assert PreflightView(["a"], ["all"]).ignored == {"all"}


def test_headings_are_as_short_as_they_can_be() -> None:
    assert short_names(("", "10.0.0.1", "10.0.0.20")) == ["common", ".1", ".20"]
    assert short_names(("", "10.0.1.1", "10.0.2.1")) == ["common", ".1.1", ".2.1"]
    assert short_names(("10.0.0.1",)) == ["10.0.0.1"]

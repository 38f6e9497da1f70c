from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.ui.apps import TestApp, settled, shown, until
from tests.ui.inputs import complete_draft, dashboard_shown
from tke_tui.client import EngineLost, Refused
from tke_tui.core.errors import TkeError
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.probes import Finding
from tke_tui.core.run_settings import RunSettings
from tke_tui.forms.draft import Draft
from tke_tui.forms.sections import subject
from tke_tui.plan_summary import summarise
from tke_tui.screens.review import ReviewScreen
from tke_tui.widgets.preflight_panel import PreflightPanel

Make = Callable[..., TestApp]
SIZE = (80, 24)


async def opened(app: TestApp, pilot: Pilot[Any]) -> None:
    await settled(pilot)
    app.show_form("review")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and app.screen.is_mounted)
    await pilot.pause()


def starts(app: TestApp) -> list[Any]:
    return [command for command in app.engine.commands if command[0] == "start"]


def one_line(app: TestApp) -> str:
    return " ".join(shown(app).split())


async def test_nothing_begins_without_the_word(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        focused = app.focused
        assert focused is not None
        assert focused.id == "form-back", "the first key press changes nothing"
        assert app.screen.query_one("#start", Button).disabled
        await pilot.press("b", *"instal", "enter")
        assert starts(app) == []
        assert "type install" in shown(app)
        await pilot.press("l")
        assert not app.screen.query_one("#start", Button).disabled


@pytest.mark.parametrize("word", ["install", "console.example.com"])
async def test_the_word_begins_the_installation_once(make: Make, tmp_path: Path, word: str) -> None:
    draft = complete_draft(tmp_path)
    draft.set("Config.gateway.domain", "console.example.com")
    app = make(draft=draft)
    draft.autosave(app.context.directory)
    let_go = asyncio.Event()
    real = app.engine.start

    async def slow(para: CreateClusterPara, settings: RunSettings) -> None:
        await let_go.wait()
        await real(para, settings)

    app.engine.start = slow  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("b")
        app.screen.query_one("#word", Input).value = word
        await pilot.press("enter", "enter")
        app.screen.query_one("#start", Button).press()
        await pilot.pause()
        assert app.screen.query_one("#start", Button).disabled
        let_go.set()
        await dashboard_shown(pilot)

    ((_name, para, settings),) = starts(app)
    assert [machine.ip for machine in para.machines] == ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    assert settings.bundle == tmp_path / "bundle"
    assert app.context.draft is None
    assert Draft.restore(app.context.directory) is None, "what is being installed is no draft any more"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            Refused("Another input is installed here", detail="since 14:02", fix="Use another --dir."),
            "Another input is installed here since 14:02 Use another --dir.",
        ),
        (
            Refused(
                "The input is wrong",
                findings=({"path": "cluster.spec.version", "message": "not in the bundle"},),
            ),
            "Cluster Kubernetes version: not in the bundle",
        ),
        (EngineLost("The engine went away", fix="Try again."), "The engine went away Try again."),
    ],
)
async def test_a_refusal_stays_on_the_form_with_all_that_was_typed(
    make: Make, tmp_path: Path, error: TkeError, told: str
) -> None:
    app = make(draft=complete_draft(tmp_path))
    app.engine.refusals = [error]
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("b", *"install", "enter")
        await until(pilot, lambda: told in one_line(app))
        assert isinstance(app.screen, ReviewScreen)
        assert app.screen.query_one("#word", Input).value == "install"
        assert app.context.draft is not None
        await pilot.press("enter")
        await dashboard_shown(pilot)
        assert len(starts(app)) == 1


async def test_problems_stand_first_and_lead_to_their_field(make: Make) -> None:
    app = make(draft=Draft.new())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        assert "there is no machine" in shown(app)
        assert "the administrator's password is missing" in shown(app)
        await pilot.press("b", *"install", "enter")
        assert "3 problems are to be solved first." in shown(app)
        assert starts(app) == []

        await pilot.press("escape")
        app.show_form("review")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and app.screen.is_mounted)
        await pilot.press("1", "down", "enter")
        await until(pilot, lambda: getattr(app.screen, "form_name", "") == "basics")
        await until(pilot, lambda: getattr(app.focused, "path", "") == "Config.basic.password")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cluster.spec.machines", ""),
        ("cluster.spec.machines[1].port", "10.0.0.12, SSH port"),
        ("cluster.spec.machines[2].labels.zone", "machine 3, Labels"),
        ("Config.basic.password", "Password"),
        ("Config.basic", ""),
        ("cluster.spec.unheardOf", "cluster.spec.unheardOf"),
    ],
)
def test_a_problem_is_told_in_the_words_of_the_forms(path: str, words: str) -> None:
    draft = Draft.new(None, None)
    draft.set("cluster.spec.machines", [{"ip": "10.0.0.11"}, {"ip": "10.0.0.12"}, {}])
    assert subject(draft, path) == words


async def test_the_plan_says_what_is_left_out_and_why(make: Make, tmp_path: Path) -> None:
    draft = complete_draft(tmp_path)
    app = make(draft=draft)
    plan = summarise(apply_defaults(draft.para, draft.versions))
    async with app.run_test(size=(80, 100)) as pilot:
        await opened(app, pilot)
        text = one_line(app)
        assert f"{plan.running} steps, {plan.tasks} tasks on 3 machines, about" in text
        assert "Create the cluster" in text
        assert "Install the NVIDIA driver » left out: no machine is labelled" in text


def test_the_summary_counts_what_will_run(tmp_path: Path) -> None:
    draft = complete_draft(tmp_path)
    draft.set("Config.skipSteps", ["Install tke-gateway"])

    plan = summarise(apply_defaults(draft.para, draft.versions))

    cluster = next(step for step in plan.steps if step.name == "Create global cluster")
    assert (cluster.machines, plan.machines) == (3, 3)
    assert len(cluster.handlers) - cluster.left_out_handlers <= cluster.tasks
    assert ("Install the console", "named in Config.skipSteps") in list(plan.left_out())
    assert plan.running == len(plan.steps) - len(list(plan.left_out()))
    longest = max(plan.seconds, 0.0)
    draft.set("cluster.spec.machines", draft.para.machines[:1])
    assert 0 < summarise(apply_defaults(draft.para, draft.versions)).seconds < longest


async def test_no_secret_is_in_the_document(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    async with app.run_test(size=(120, 120)) as pilot:
        await opened(app, pilot)
        await pilot.press("4")
        await pilot.pause()
        text = shown(app)
        assert "ip: 192.0.2.11" in text
        assert "******" in text
        assert "-secret" not in text
        assert "bWFjaGluZS1zZWNyZXQ" not in text


async def test_checks_run_when_their_part_is_opened(make: Make, tmp_path: Path) -> None:
    app = make(draft=complete_draft(tmp_path))
    app.engine.findings = [Finding("Port-6443", "192.0.2.12", "error", "in use", "Stop it")]
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("3")
        panel = app.screen.query_one(PreflightPanel)
        await until(pilot, lambda: panel.view.complete)
        await pilot.press("f", "i")
        await pilot.pause()
        assert app.context.draft is not None
        assert app.context.draft.options.ignore_preflight == ["Port-6443"]


async def test_checks_wait_for_a_correct_input(make: Make) -> None:
    app = make(draft=Draft.new())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot)
        await pilot.press("r")
        await pilot.pause()
        assert "Correct what is wrong with the input first" in shown(app)
        assert app.engine.commands == []

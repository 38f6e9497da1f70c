"""Pictures of the screens that are opened from the dashboard: logs, a machine, a step, the result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.snapshots.conftest import Snap
from tests.snapshots.opened import Blank, opened, write_logs
from tests.snapshots.snap_app import app_of_journal
from tests.ui.apps import LARGE, SMALL, TestApp
from tests.ui.installed import save_input
from tke_tui import app as app_module
from tke_tui.screens.done import DoneScreen
from tke_tui.screens.logs import LogsScreen
from tke_tui.screens.node import NodeScreen
from tke_tui.screens.step import StepScreen
from tke_tui.settings import Settings

Size = tuple[int, int]


@pytest.fixture(autouse=True)
def _blank_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())


def prepared(journal: str, **options: Any) -> TestApp:
    app = write_logs(app_of_journal(journal, **options))
    directory = app.context.directory
    save_input(directory, jump=True)
    found = [
        ("OperatingSystem", "ok", "Debian GNU/Linux 12 (bookworm)", ""),
        ("Architecture", "ok", "x86_64", ""),
        ("NumCPU", "ok", "8 CPUs", ""),
        ("Mem", "ok", "31.2 GiB of memory", ""),
        ("Swap", "warning", "swap is on", "Switch it off: swapoff -a"),
    ]
    keys = ("check", "severity", "message", "fix")
    documents = [dict(zip(keys, each, strict=True)) | {"node": "10.0.0.13"} for each in found]
    directory.preflight.write_text(json.dumps(documents))
    return app


# Logs


def test_all_logs(snap: Snap, size: Size) -> None:
    snap(prepared("failed"), size, before=opened(lambda app: LogsScreen()))


def test_one_log_selected_and_wrapped(snap: Snap) -> None:
    keys = ("w", "up", "up", "v", "up", "up", "up")
    snap(prepared("failed"), SMALL, before=opened(lambda app: LogsScreen("10.0.0.13")), press=keys)


def test_find_in_all_logs(snap: Snap) -> None:
    press = ("slash", *"kubelet", "enter", "N", "N")
    snap(prepared("failed"), LARGE, before=opened(lambda app: LogsScreen()), press=press)


def test_filter_is_asked_for(snap: Snap) -> None:
    app = prepared("failed", ascii_only=True)
    snap(app, SMALL, before=opened(lambda app: LogsScreen(None, "EnsureKubelet")), press=("z", "ampersand"))


# One machine, one step


def test_machine_at_work(snap: Snap, size: Size) -> None:
    snap(prepared("mid-run"), size, before=opened(lambda app: NodeScreen("10.0.0.13")))


def test_machine_with_a_failure(snap: Snap, size: Size) -> None:
    snap(prepared("failed"), size, before=opened(lambda app: NodeScreen("10.0.0.13")))


def test_step_at_work(snap: Snap, size: Size) -> None:
    snap(prepared("mid-run"), size, before=opened(lambda app: StepScreen("Create global cluster")))


def test_step_with_a_failure(snap: Snap, size: Size) -> None:
    before = opened(lambda app: StepScreen("Create global cluster"))
    snap(prepared("failed"), size, before=before, press=("tab",))


def test_step_that_waits(snap: Snap) -> None:
    snap(
        prepared("mid-run"), SMALL, before=opened(lambda app: StepScreen("Create namespace for install TKE"))
    )


# The result


def test_result(snap: Snap, size: Size) -> None:
    app = prepared("done")
    app.engine.details["caCert"] = "-----BEGIN CERTIFICATE-----"
    snap(app, size, before=opened(lambda app: DoneScreen()))


def test_result_with_password(snap: Snap) -> None:
    snap(prepared("done"), SMALL, before=opened(lambda app: DoneScreen()), press=("down", "down", "v", "y"))


# Poor terminals


def test_selected_lines_without_colours(snap: Snap) -> None:
    app = prepared("failed", settings=Settings(theme="no-colour", lang="en"))
    before = opened(lambda app: LogsScreen("10.0.0.13"))
    snap(app, SMALL, before=before, press=("up", "up", "v", "up", "up"))


def test_failure_in_the_terminal_s_own_colours(snap: Snap) -> None:
    app = prepared("failed", settings=Settings(theme="ansi", lang="en"))
    before = opened(lambda app: StepScreen("Create global cluster"))
    snap(app, SMALL, before=before, press=("tab",))

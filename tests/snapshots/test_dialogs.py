"""Pictures of the dialogs around a running installation. Each is drawn on an empty screen, in 80x24."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.screen import Screen

from tests.snapshots.conftest import Snap
from tests.snapshots.opened import Blank, opened
from tests.snapshots.snap_app import app_of_journal, snap_app
from tests.story import BEGIN, FAILURE, Story
from tests.ui.apps import LARGE, SMALL, TestApp
from tests.ui.installed import save_input
from tke_tui import app as app_module
from tke_tui.client import LoginTest
from tke_tui.core import events as ev
from tke_tui.screens.modals.confirm import ConfirmModal
from tke_tui.screens.modals.fix_login import FixLoginModal
from tke_tui.screens.modals.host_key import HostKeyModal
from tke_tui.screens.modals.quit import QuitModal
from tke_tui.screens.modals.retry import RetryModal
from tke_tui.screens.modals.reveal import RevealModal
from tke_tui.screens.modals.stop import StopModal
from tke_tui.screens.modals.take_over import TakeOverModal

QUESTION = ev.QuestionAsked(
    question="q1",
    topic="host_key",
    host="10.0.0.12",
    port=22,
    algorithm="ssh-ed25519",
    fingerprint="SHA256:k3yQn0dA8Zs0m7Vq4T1uYxJf2HrWbLcE9pGiNvOaMhU",
)


@pytest.fixture(autouse=True)
def _blank_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_screen", lambda name: Blank())


def many_failures() -> TestApp:
    story = Story(8)
    for last in range(12, 19):
        node = f"10.0.0.{last}"
        story.fail(f"EnsureKubelet@{node}", failure=replace(FAILURE, title=f"{node}: kubelet does not start"))
    story.fail("EnsureKubelet@10.0.0.11", failure=replace(FAILURE, title="10.0.0.11: the disk is full"))
    return snap_app(start="dashboard", events=story.events(), now=BEGIN + 300)


DIALOGS: dict[str, Callable[[], Screen[Any]]] = {
    "quit": QuitModal,
    "stop": lambda: StopModal("prod"),
    "host-key": lambda: HostKeyModal(QUESTION),
    "take-over": lambda: TakeOverModal("root on pts/3 since 14:02"),
    "reveal": RevealModal,
    "skip": lambda: ConfirmModal("Skip this task", "The installation goes on without EnsureGPU.", "Skip it"),
}


@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(snap: Snap, name: str) -> None:
    snap(app_of_journal("mid-run"), SMALL, before=opened(lambda app: DIALOGS[name]()))


def test_retry(snap: Snap) -> None:
    snap(many_failures(), SMALL, before=opened(lambda app: RetryModal(app.view.failures)))


def test_fix_login(snap: Snap) -> None:
    app = app_of_journal("failed")
    save_input(app.context.directory)
    snap(app, SMALL, before=opened(lambda app: FixLoginModal("10.0.0.11")))


def test_a_login_that_does_not_work(snap: Snap) -> None:
    app = app_of_journal("failed")
    save_input(app.context.directory)
    app.engine.logins["10.0.0.11"] = LoginTest(
        ok=False,
        title="10.0.0.11 refused the login of installer",
        detail="tried: password. The machine offers: publickey",
        fix="Give a private key, or allow passwords there (PasswordAuthentication yes).",
    )
    snap(app, LARGE, before=opened(lambda app: FixLoginModal("10.0.0.11")), press=("enter",))

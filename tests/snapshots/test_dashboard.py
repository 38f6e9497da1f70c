"""Pictures of the dashboard: a run from its begin to its end, in both sizes; poor terminals once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.snapshots.conftest import Snap
from tests.snapshots.snap_app import app_of_journal, snap_app
from tests.story import BEGIN
from tests.ui.apps import SMALL, TestApp, settled, until
from tke_tui.core import events as ev
from tke_tui.core.node_logs import NodeLogs
from tke_tui.screens.dashboard import DashboardScreen
from tke_tui.settings import Settings

Size = tuple[int, int]

LOG = (
    (21.3, "", "Setup local registry", "note", "start the registry on port 5000"),
    (22.6, "", "Push images", "note", "push galaxy:v1.0.8"),
    (31.0, "", "Push images", "note", "push kube-apiserver:v1.20.2"),
    (48.3, "10.0.0.11", "EnsureKubernetesImages", "stdout", "v1.20.2: Pulling from tke/kube-apiserver"),
    (48.4, "10.0.0.12", "EnsureKubernetesImages", "stdout", "v1.20.2: Pulling from tke/kube-apiserver"),
    (48.6, "10.0.0.13", "EnsureKubernetesImages", "stdout", "v1.20.2: Pulling from tke/kube-apiserver"),
    (55.2, "10.0.0.11", "EnsureKubernetesImages", "stdout", "Digest: sha256:9f3b2d0c"),
    (56.0, "10.0.0.12", "EnsureKubernetesImages", "stdout", "Digest: sha256:9f3b2d0c"),
    (58.9, "10.0.0.11", "EnsureKubelet", "note", "write /etc/systemd/system/kubelet.service"),
    (59.1, "10.0.0.12", "EnsureKubelet", "note", "write /etc/systemd/system/kubelet.service"),
    (59.8, "10.0.0.11", "EnsureKubelet", "stderr", "Created symlink multi-user.target.wants/kubelet.service"),
    (61.2, "10.0.0.13", "EnsureKubernetesImages", "stdout", "1.7.0: Pulling from tke/coredns"),
)
"""Seconds since the start, machine, task, stream and text."""

FAILED = (
    *LOG,
    (62.5, "10.0.0.13", "EnsureKubelet", "note", "write /etc/systemd/system/kubelet.service"),
    (62.6, "10.0.0.13", "EnsureKubelet", "note", "restart kubelet"),
    (64.1, "10.0.0.13", "EnsureKubelet", "stderr", "Job for kubelet.service failed because the control"),
)


def with_logs(app: TestApp, lines: Sequence[tuple[float, str, str, str, str]] = LOG) -> TestApp:
    """The app, with these lines in the logs of its directory."""
    logs = NodeLogs(app.context.directory)
    for at, node, task, stream, text in lines:
        logs.write(node, BEGIN + at, task, stream, text)
    logs.close()
    return app


async def dashboard_again(pilot: Pilot[Any]) -> None:
    """Back from the result, which is shown when a run has ended well."""
    await until(pilot, lambda: not isinstance(pilot.app.screen, DashboardScreen))
    await pilot.press("escape")
    await settled(pilot)


def test_idle(snap: Snap, size: Size) -> None:
    snap(snap_app(start="dashboard"), size)


def test_mid_run(snap: Snap, size: Size) -> None:
    snap(with_logs(app_of_journal("mid-run")), size)


def test_retrying(snap: Snap, size: Size) -> None:
    snap(with_logs(app_of_journal("retrying")), size)


def test_failed(snap: Snap, size: Size) -> None:
    snap(with_logs(app_of_journal("failed"), FAILED), size)


def test_fifty(snap: Snap, size: Size) -> None:
    snap(app_of_journal("fifty"), size)


def test_done(snap: Snap, size: Size) -> None:
    snap(app_of_journal("done"), size, before=dashboard_again)


def test_stopped(snap: Snap, size: Size) -> None:
    snap(app_of_journal("stopped"), size)


def test_read_only(snap: Snap, size: Size) -> None:
    app = with_logs(app_of_journal("mid-run", read_only=True))
    app.engine.feed(ev.ControlChanged(controller="root on pts/3 since 14:02", mine=False))
    snap(app, size)


@pytest.mark.parametrize(
    "options",
    [
        {"ascii_only": True},
        {"settings": Settings(theme="ansi", lang="en")},
        {"settings": Settings(theme="no-colour", lang="en")},
        {"settings": Settings(theme="light", lang="en")},
        {"settings": Settings(theme="colour-blind", lang="en")},
    ],
    ids=["ascii", "ansi", "no-colour", "light", "colour-blind"],
)
def test_look(snap: Snap, options: dict[str, Any]) -> None:
    snap(app_of_journal("fifty", **options), SMALL)


def test_large_pane(snap: Snap) -> None:
    snap(app_of_journal("fifty"), SMALL, press=["z"])


def test_what_decides_the_end(snap: Snap) -> None:
    snap(app_of_journal("mid-run"), SMALL, press=["p"])


def test_one_task(snap: Snap, size: Size) -> None:
    snap(with_logs(app_of_journal("failed"), FAILED), size, press=["f", "enter"])


def test_between_narrow_and_wide(snap: Snap) -> None:
    snap(with_logs(app_of_journal("mid-run")), (66, 20))


def test_all_there_is_room_for(snap: Snap) -> None:
    snap(with_logs(app_of_journal("mid-run")), (200, 60))

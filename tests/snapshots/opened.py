"""Screens and dialogs of a running installation, photographed on top of an empty one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen

from tests.snapshots.conftest import Before
from tests.story import BEGIN
from tests.ui.apps import TestApp, until
from tke_tui.core.node_logs import NodeLogs
from tke_tui.screens.base import TkeScreen

_WROTE = (
    ("EnsureDocker", "note", "write /etc/docker/daemon.json"),
    ("EnsureDocker", "stdout", "Created symlink /etc/systemd/system/multi-user.target.wants/docker.service."),
    ("EnsureKubernetesImages", "stdout", "k8s.gcr.io/coredns:1.7.0: 3 of 7 layers are there"),
    ("EnsureKubernetesImages", "stdout", "k8s.gcr.io/pause:3.2: up to date, [bold]nothing[/bold] pulled"),
    ("EnsureKubelet", "note", "restart kubelet"),
    (
        "EnsureKubelet",
        "stderr",
        "Job for kubelet.service failed because the control process exited with error code.",
    ),
    ("EnsureKubelet", "stdout", "\x1b[31mkubelet\x1b[0m: swap is on \x07, 内存不足"),
)


class Blank(TkeScreen[None]):
    """Stands where the dashboard is."""

    def body(self) -> ComposeResult:
        return iter(())


def write_logs(app: TestApp, lines: int = 120) -> TestApp:
    """The same lines in the logs of three machines and of the installer, a second apart."""
    logs = NodeLogs(app.context.directory)
    for number in range(lines):
        node = ("", "10.0.0.11", "10.0.0.12", "10.0.0.13")[number % 4]
        task, stream, text = _WROTE[number % len(_WROTE)]
        logs.write(node, BEGIN + number, task, stream, f"{text} ({number})")
    logs.close()
    return app


def opened(make: Callable[[TestApp], Screen[Any]]) -> Before:
    """Opens a screen that is made once the app follows its engine."""

    async def before(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, TestApp)
        screen = make(pilot.app)
        pilot.app.push_screen(screen)
        await until(pilot, lambda: pilot.app.screen is screen and screen.is_mounted)

    return before

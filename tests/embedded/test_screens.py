"""`tke-tui lab` on a terminal: a ready-made input, installed by keys, left and come back to, repaired, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pty.terminal import Terminal
from tke_tui.core.lock import holder_of
from tke_tui.core.simulated import NOTE
from tke_tui.lab.place import LabPlace

pytestmark = pytest.mark.timeout(300)

LONG = 120.0
"""Seconds for what needs several tasks to end; generous, as machines may be busy."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LabPlace]:
    made = LabPlace(tmp_path / "lab")
    yield made
    if made.pid() is not None:
        with terminal(made, "--stop") as ending:
            ending.end(LONG)


def terminal(place: LabPlace, *arguments: str) -> Terminal:
    return Terminal("lab", *arguments, "--dir", place.root, home=place.root.parent, size=(100, 30))


def test_from_the_review_to_a_failure_and_on_once_it_is_repaired(place: LabPlace) -> None:
    with terminal(place, "--nodes", "1", "--pace", "0", "--fail", "1:EnsureSysctl") as first:
        first.wait("To begin, type install:")
        assert "SIMULATED" in first.lines[0]
        first.press("escape")
        first.wait("Continue with the form")
        assert "SIMULATED" in first.lines[0]
        first.press("c")
        first.wait("tke-tui  SIMULATED")
        first.press("ctrl+q")
        assert first.end() == 0
    with terminal(place, "--resume") as again:
        again.wait("To begin, type install:")
        again.press("b", *"install", "enter")
        again.wait("told to let this fail", LONG)
        assert "SIMULATED" in again.lines[0]
        assert "SIMULATED machines and handlers" in again.text
        kept = json.loads(place.install.options.read_text())
        assert kept == place.run_settings().as_dict()
        with terminal(place, "--repair") as repairing:
            assert repairing.end() == 0
        again.press("r")
        again.wait("Retry 1 failed task")
        again.press("r")
        again.wait(lambda text: "RUNNING" in text.split("\n")[0], LONG)
        assert "SIMULATED" in again.lines[0]
        again.press("ctrl+q")
        again.wait("Come back with")
        again.press("enter")
        assert again.end() == 0
        assert NOTE.encode() in again.raw
        assert b"Come back with: tke-tui lab --resume" in again.raw
    with terminal(place, "--stop") as ending:
        assert ending.end(LONG) == 0
        assert b"The lab has ended." in ending.raw
    assert place.pid() is None
    assert not holder_of(place.install.lock)

"""Installations to look at, with an engine process of their own; nothing of them is left afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pty.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation in the middle: docker is installed on the first machine, all else waits. Tests only look."""
    made = Site(tmp_path_factory.mktemp("running"))
    made.open("Preflight", f"EnsureDocker@{made.nodes[0]}")
    with made.install() as terminal:
        terminal.wait("RUNNING")
        terminal.hang_up()
    yield made
    made.end()

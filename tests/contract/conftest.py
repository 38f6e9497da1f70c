"""What several contract tests of steps begin with; modules with another world have a fixture of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.steps_world import StepWorld, step_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[StepWorld]:
    """A Docker engine, a registry and a Kubernetes API, with a home directory of their own."""
    home = tmp_path / "home"
    home.mkdir()
    async with step_world(tmp_path, home) as made:
        yield made

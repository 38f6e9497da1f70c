"""docs/api.md is right: every address it names is there, and its examples do what it says."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.core.daemon.world import DaemonWorld, document, failing
from tests.core.engine_world import task
from tke_tui.core.daemon.api import routes
from tke_tui.core.task import Scope

PAGE = (Path(__file__).parents[3] / "docs/api.md").read_text()

EXPECTED_REFUSALS = {
    "http://engine/api/ssh",
    "http://engine/api/cluster/global/skip",
    "http://engine/api/questions/1",
}
"""Examples about things that this world does not have: no machine, nothing to skip, no question."""


def examples() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("curl")]


def test_every_address_is_described() -> None:
    for route in routes:
        path = route.path.replace("{name}", "global").replace("{node}", "IP").replace("{question}", "ID")  # type: ignore[attr-defined]
        assert f"{route.method} {path}" in PAGE  # type: ignore[attr-defined]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
async def test_the_examples_work_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = DaemonWorld(tmp_path, monkeypatch)
    # Fails as often as something is to be tried again: by the login's change, and by name.
    world.plan = (task("EnsureDocker", failing(2), on=Scope.ALL), task("other", failing(1)))
    left = asyncio.Event()
    async with world.engine(bundle=world.settings.bundle, leave=left.set) as desk:
        (world.directory.root / "input.json").write_text(json.dumps(document(port=1)))
        for line in examples():
            process = await asyncio.create_subprocess_shell(
                line.replace("@tke.json", "@input.json").replace(
                    '192.0.2.11", "port": 22', '127.0.0.2", "port": 1'
                ),
                cwd=world.directory.root,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await process.communicate()
            assert process.returncode in (0, 28), f"{line}\n{errors.decode()}"
            refused = output.startswith(b'{\n "title"')
            if not any(address in line for address in EXPECTED_REFUSALS):
                assert not refused, f"{line}\n{output.decode()}"
            await desk.keeper.ended()
        assert left.is_set()
        assert desk.keeper.status == "success"

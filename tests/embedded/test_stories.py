"""The stories of examples/scenarios, as a person would live through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded.trial import SCENARIOS, story, trial
from tke_tui.core.errors import ExitCode
from tke_tui.core.preflight import run_preflight
from tke_tui.core.simulated import NOTE
from tke_tui.lab.scenario import Scenario

pytestmark = pytest.mark.timeout(300)
"""A whole installation takes seconds; generous, as machines may be busy."""


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_story_can_be_read_and_says_what_it_is(path: Path) -> None:
    told = Scenario.read(path)

    assert told.title
    assert path.read_text().startswith("# ")


async def test_all_well(tmp_path: Path) -> None:
    async with trial(tmp_path, story("all-well"), whole=True) as one:
        result = await one.run()

        assert (result.status, result.failed, result.blocked) == ("success", 0, 0)
        assert one.lines[0].startswith(f"Starting: {result.ran} tasks on 3 SIMULATED machine(s)")
        assert one.lines[-1].startswith("SUCCESS (SIMULATED) after ")
        assert one.told.startswith(NOTE)
        assert one.told.endswith(NOTE)
        assert "console: http://console.tke.com" in one.told
        nodes = one.lab.cluster.store.list("v1", "Node", None)
        assert sorted(node["metadata"]["name"] for node in nodes) == sorted(one.lab.members)

        # A second run finds everything done, and asks nothing of the machines.
        asked = one.lab.commands
        again = await one.run()
        assert (again.status, again.ran) == ("success", 0)
        assert one.lab.commands == asked


async def test_a_flaky_node_needs_nobody(tmp_path: Path) -> None:
    async with trial(tmp_path, story("flaky-node", nodes=2)) as one:
        result = await one.run()

        assert (result.status, result.failed) == ("success", 0)
        flaky = list(one.lab.members)[1]
        assert 1 <= len(one.retried) <= 3
        assert {task.partition("@")[2] for task in one.retried} <= {flaky, ""}
        assert any("retry" in line and "lost" in line for line in one.lines)


async def test_registry_down_until_somebody_mends_it(tmp_path: Path) -> None:
    async with trial(tmp_path, story("registry-down", nodes=2)) as one:
        result = await one.run()

        assert result.exit_code is ExitCode.FAILED
        assert [line.partition(": ")[0] for line in one.failed] == ["Push images FAILED"]
        assert "500" in one.failed[0]
        assert "Continue with: tke-tui --resume" in one.told
        assert result.blocked

        one.lab.repair()
        assert (await one.run()).status == "success"
        assert not one.failed


async def test_a_wrong_password_is_found_before_anything_is_changed(tmp_path: Path) -> None:
    async with trial(tmp_path, story("wrong-password")) as one:
        untouched = {address: member.machine.tree() for address, member in one.lab.members.items()}
        result = await one.run()

        third = list(one.lab.members)[2]
        assert result.exit_code is ExitCode.UNREACHABLE
        assert f"{third} [ERROR SSH]: root@{third}:2222 refuses the login" in one.told
        assert {address: member.machine.tree() for address, member in one.lab.members.items()} == untouched

        one.lab.repair()
        _findings, error = await run_preflight(one.installation(), known_hosts=tmp_path / "known_hosts")
        assert error is None


async def test_a_full_disk_is_found_before_anything_is_changed(tmp_path: Path) -> None:
    async with trial(tmp_path, story("disk-full")) as one:
        result = await one.run()

        second = list(one.lab.members)[1]
        assert result.exit_code is ExitCode.PREFLIGHT
        assert f"{second} [ERROR Disk-/var/lib]: 1.0 GiB free in /var/lib" in one.told
        assert "Make room" in one.told

        one.lab.repair()
        _findings, error = await run_preflight(one.installation(), known_hosts=tmp_path / "known_hosts")
        assert error is None


async def test_a_kubelet_that_never_comes_up_until_somebody_mends_it(tmp_path: Path) -> None:
    async with trial(tmp_path, story("kubelet-never-comes-up", nodes=2, no_kubelet=("2",))) as one:
        result = await one.run()

        last = list(one.lab.members)[1]
        assert result.exit_code is ExitCode.FAILED
        assert [line.partition(": ")[0] for line in one.failed] == [
            f"[{last}] EnsureJoinPhaseKubeletStart FAILED"
        ]
        assert "kubelet isn't running or healthy" in one.told
        assert len(one.lab.cluster.store.list("v1", "Node", None)) == 1

        one.lab.repair()
        assert (await one.run()).status == "success"
        assert len(one.lab.cluster.store.list("v1", "Node", None)) == 2

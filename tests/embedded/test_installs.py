"""Installations that are cut short, and those that fail as often as they were told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded.trial import trial
from tke_tui.core.engine import Engine
from tke_tui.core.errors import ExitCode
from tke_tui.core.events import Event, TaskFailed, TaskStarted, TaskSucceeded
from tke_tui.lab.scenario import Failure, Scenario

pytestmark = pytest.mark.timeout(300)


async def test_one_machine_stopped_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    async with trial(tmp_path, Scenario(nodes=1, pace=0)) as one:

        def stop_at_the_cluster(engine: Engine, event: Event) -> None:
            if isinstance(event, TaskStarted) and event.task.startswith("EnsureKubeadmInitPhaseCerts@"):
                engine.cancel()

        stopped = await one.run(stop_at_the_cluster)
        (machine,) = (member.machine for member in one.lab.members.values())
        assert stopped.exit_code is ExitCode.CANCELLED
        assert one.told.startswith("Stopped. Nothing is lost.")
        assert machine.ran("sysctl") == 1
        done = sum(isinstance(event, TaskSucceeded) for event in one.events)

        assert (await one.run()).status == "success"

        assert one.lines[0].startswith("Resuming: ")
        assert f"({done} done before)" in one.lines[-1]
        assert machine.ran("sysctl") == 1

        # Another one has nothing to do, and leaves the machine as it is.
        before = machine.tree()
        again = await one.run()
        assert (again.status, again.ran) == ("success", 0)
        assert machine.tree() == before


async def test_what_fails_twice_goes_well_the_third_time(tmp_path: Path) -> None:
    failing = (
        Failure(node="1", handler="EnsureSysctl", times=2),
        Failure(node="2", handler="EnsureSysctl", message="the disk is read-only"),
    )
    async with trial(tmp_path, Scenario(nodes=2, pace=0, fail=failing)) as one:
        first, second = (f"EnsureSysctl@{address}" for address in one.lab.members)
        ends: list[dict[str, str]] = []

        def until_both_have_ended(engine: Engine, event: Event) -> None:
            if isinstance(event, TaskFailed | TaskSucceeded) and event.task in (first, second):
                ends[-1][event.task] = event.detail if isinstance(event, TaskFailed) else "ok"
                if len(ends[-1]) == 2:
                    engine.cancel()

        for _ in range(3):
            ends.append({})
            await one.run(until_both_have_ended)

        assert ["told to let this fail" in end[first] for end in ends] == [True, True, False]
        assert ends[2][first] == "ok"
        assert all("the disk is read-only" in end[second] for end in ends)

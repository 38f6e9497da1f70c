"""A cluster in the embedded lab, then what is done to the cluster that stands: over SSH and HTTP as ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tke_tui.core import operations
from tke_tui.core.engine import Budgets, Engine, RunResult
from tke_tui.core.events import Event, TaskStarted, TaskSucceeded
from tke_tui.core.installation import Installation, create, look
from tke_tui.core.kubeadm.certificates import names_in
from tke_tui.core.paths import InstallDir
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.kubeadm import PKI
from tke_tui.lab.scenario import Scenario

NAME = "api.example.com"


def recorded(lab: EmbeddedLab) -> tuple[list[str], list[str], str]:
    """What the platform knows of the cluster: addresses of machines and API servers, and its phase."""
    found = lab.cluster.store.get(("platform.tkestack.io/v1", "Cluster", "", "global"))
    assert found is not None
    status = found["status"]
    machines = [machine["ip"] for machine in found["spec"]["machines"]]
    return machines, [one["host"] for one in status["addresses"] if one["type"] == "Real"], status["phase"]


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedLab]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with EmbeddedLab(tmp_path / "lab", Scenario(nodes=2)) as lab:
        yield lab


async def installed(lab: EmbeddedLab, directory: InstallDir) -> Installation:
    """A cluster of the first machine of the lab alone, with the platform."""
    para = lab.para
    del para.cluster.spec.machines[1:]
    installation = create(directory, para, lab.settings)
    assert (await installation.run()).status == "success"
    return installation


def good(result: RunResult) -> RunResult:
    assert result.status == "success", result.errors
    return result


@pytest.mark.timeout(180)
async def test_a_machine_and_a_name_are_added_though_the_engine_is_stopped_and_then_certificates_renewed(
    lab: EmbeddedLab, tmp_path: Path
) -> None:
    directory = InstallDir(tmp_path / "site")
    await installed(lab, directory)
    wanted = lab.para
    first, second = (machine.ip for machine in wanted.machines)
    wanted.cluster.spec.public_alternative_names = [NAME]

    engines: list[Engine] = []
    done: set[str] = set()

    def stop_half_way(event: Event) -> None:
        if isinstance(event, TaskSucceeded):
            done.add(event.task)
        if isinstance(event, TaskStarted) and event.task == f"EnsureJoinPhaseKubeletStart@{second}":
            engines[0].cancel()

    update = operations.update(directory, wanted)
    stopped = await update.operation.run(listeners=(stop_half_way,), started=engines.append)
    assert stopped.status == "cancelled"
    assert (await look(directory).run()).ran == 0, "a half-done update is nothing to the installation"
    assert look(directory).para.machines[1:] == []
    assert recorded(lab) == ([first], [first], "Running")

    started: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, TaskStarted):
            started.append(event.task)

    continued = operations.update(directory, None)
    assert continued.continued
    good(await continued.operation.run(listeners=(note,), budgets=Budgets(retry_delay=0.1)))
    assert not done & set(started), "what ended well is not repeated"
    assert [machine.ip for machine in look(directory).para.machines] == [m.ip for m in wanted.machines]
    assert (await look(directory).run()).ran == 0, "the installation knows what the update made"
    assert operations.unfinished(directory) == []
    assert recorded(lab) == ([first, second], [first, second], "Running")
    for member in lab.members.values():
        names = names_in(member.machine.text(f"{PKI}/apiserver.crt"))
        assert {NAME, *(machine.ip for machine in wanted.machines)} <= names

    good(await operations.renewal(look(directory), force=True).run())
    changes: list[str] = []

    def collect(event: Event) -> None:
        if isinstance(event, TaskSucceeded):
            changes.extend(event.changes)

    good(await operations.renewal(look(directory)).run(listeners=(collect,)))
    assert changes == []

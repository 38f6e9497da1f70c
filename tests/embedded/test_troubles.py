"""Scenarios: how long commands take is the same each time it is told; mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tke_tui.core.errors import UsageError
from tke_tui.lab.running_tasks import RunningTasks
from tke_tui.lab.scenario import Failure, Flaky, Scenario, Slow, parse_failure, parse_slow
from tke_tui.lab.troubles import Troubles

NODES = ("127.77.0.11", "127.77.0.12")
COMMANDS = (
    ("kubeadm", "init", "phase", "certs", "all"),
    ("docker", "pull", "k8s.gcr.io/pause:3.2"),
    ("kubeadm", "init", "phase", "certs", "all"),
    ("systemctl", "restart", "kubelet.service"),
)


def troubles(scenario: Scenario) -> Troubles:
    return Troubles(scenario, NODES, RunningTasks(Path("/nonexistent")))


def durations(scenario: Scenario, node: str = NODES[0]) -> list[float]:
    told = troubles(scenario)
    return [told.seconds(node, command) for command in COMMANDS]


def test_a_seed_gives_the_same_durations_each_time_whatever_happens_between() -> None:
    told = troubles(Scenario(seed=7))
    mixed = []
    for command in COMMANDS:
        told.seconds(NODES[1], command)
        told.seconds(NODES[0], ["cat", "/etc/hosts"])
        mixed.append(told.seconds(NODES[0], list(command)))

    assert mixed == durations(Scenario(seed=7))
    assert mixed != durations(Scenario(seed=8))
    assert mixed[0] != mixed[2]


def test_a_slow_machine_takes_as_many_times_as_long_and_the_others_do_not() -> None:
    usual, slow = Scenario(), Scenario(slow=(Slow(node="2", factor=5),))

    assert durations(slow, NODES[1]) == pytest.approx([5 * one for one in durations(usual, NODES[1])])
    assert durations(slow, NODES[0]) == durations(usual, NODES[0])


def test_latency_is_paid_both_ways_and_without_pace_nothing_else_is() -> None:
    assert durations(Scenario(latency=50, pace=0)) == [0.1] * 4
    assert durations(Scenario(pace=0)) == [0.0] * 4


def test_repaired_means_nothing_is_broken_but_slow_stays_slow() -> None:
    broken = Scenario(
        nodes=2,
        slow=(Slow(node="1", factor=2),),
        fail=(Failure(node="1", handler="EnsureDocker"),),
        flaky=(Flaky(node="1"),),
        wrong_password=("1",),
        disk_full=("1",),
        no_kubelet=("1",),
        registry_down=3,
    )

    assert broken.repaired() == Scenario(nodes=2, slow=broken.slow)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (Scenario(slow=(Slow(node="3", factor=2),)), "no machine 3"),
        (Scenario(flaky=(Flaky(node="127.0.0.1"),)), "no machine 127.0.0.1"),
        (Scenario(fail=(Failure(node="1", handler="EnsureNothing"),)), "no handler EnsureNothing"),
    ],
)
def test_what_there_is_not_is_named(scenario: Scenario, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        troubles(scenario)


@pytest.mark.parametrize("text", ["2", "2:", "2:EnsureDocker:x", "2:EnsureDocker:0", "a:b:c:d"])
def test_a_failure_that_cannot_be_understood(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be understood") as caught:
        parse_failure(text)
    assert "2:EnsureDocker:1" in caught.value.fix


@pytest.mark.parametrize("text", ["2", "2:x", "2:0"])
def test_a_slow_machine_that_cannot_be_understood(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be understood"):
        parse_slow(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("nodes: many", "nodes"),
        ("flaky: [{node: 1, evry: 3}]", "flaky.0.evry"),
        ("- 1", "document"),
    ],
)
def test_a_scenario_file_with_a_mistake_says_where(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "story.yaml"
    path.write_text(text)

    with pytest.raises(UsageError, match="is no scenario") as caught:
        Scenario.read(path)
    assert caught.value.detail.startswith(f"{where}: ")


def test_every_key_of_a_scenario_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "embedded-lab.md").read_text()

    for model in (Scenario, Failure, Slow, Flaky):
        for key in model.model_fields:
            assert f"`{key}`" in page, key

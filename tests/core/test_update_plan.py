"""Graphs of updates and renewals: only what changed, joins as ever, and never two API servers down at once."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.contract.update_world import NEWER, bundle_with_newer, para_with
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Options
from tke_tui.core.errors import BundleError
from tke_tui.core.graph import Graph
from tke_tui.core.handlers.ensure_renew_certs import Renewal
from tke_tui.core.model.config import Gateway
from tke_tui.core.plan import build_plan
from tke_tui.core.state import SUCCEEDED, RunState, TaskRecord
from tke_tui.core.update_plan import Wanted, done_by, renewal_graph, stays, unmark_graph, update_graph

FIRST, SECOND, THIRD = "127.0.0.1", "127.0.0.2", "127.0.0.3"
KEEPALIVED = {"tke": {"vip": "127.0.0.100"}}
EVERY_TIME = {"EnsureRenewCerts", "EnsureStoreCredential"}
IMPORTED, TOLD, HELD = (
    "Import resource to TKE platform",
    "Update resource in TKE platform",
    "Hold TKE platform back",
)
RESTARTING = (
    "EnsureUpgradeControlPlaneNode",
    "EnsureRenewCerts",
    "EnsureAPIServerCert",
    "EnsureControlPlaneSettings",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_with_newer(tmp_path_factory.mktemp("bundle"))


def installed(machines: int, bundle: Bundle) -> RunState:
    """The state of an installation that ended well; this bundle holds nothing of the platform."""
    para, state = para_with(machines), RunState(status="success")
    for task in build_plan(para).included:
        with contextlib.suppress(BundleError):
            state.tasks[task.id] = TaskRecord(SUCCEEDED, task.key(para, bundle, Options()))
        state.done_once.add((task.task.name, task.node))
    return state


def graph(bundle: Bundle, before: int, after: int, *, ha: Any = None, **spec: Any) -> Graph:
    old, new = para_with(before), para_with(after, ha=ha, **spec)
    return update_graph(Wanted(old, bundle), Wanted(new, bundle), Options(), installed(before, bundle))


def names_on(graph: Graph, node: str) -> set[str]:
    return {task.task.name for task in graph if task.node == node}


def waits_for(graph: Graph, task: str) -> set[str]:
    """All that must have ended before a task begins."""
    found: set[str] = set()
    ready = [task]
    while ready:
        for need in graph[ready.pop()].needs - found:
            found.add(need)
            ready.append(need)
    return found


def test_without_a_change_machines_are_only_looked_at(bundle: Bundle) -> None:
    made = graph(bundle, 2, 2)
    assert names_on(made, FIRST) == EVERY_TIME
    assert names_on(made, SECOND) == {"EnsureRenewCerts"}
    assert names_on(made, "") == {TOLD}


def test_a_new_machine_joins_by_the_create_handlers_and_the_others_are_not_set_up_again(
    bundle: Bundle,
) -> None:
    made = graph(bundle, 1, 2)
    created = {task.task.name for task in build_plan(para_with(2)).included if task.node == SECOND}
    assert names_on(made, SECOND) == created
    on_first = names_on(made, FIRST)
    assert {"EnsureAPIServerCert", "EnsureKubeadmInitPhaseUploadConfig", "EnsurePatchAnnotation"} <= on_first
    assert not on_first & {"EnsureDocker", "EnsureKubelet", "EnsureKubeadmInitPhaseCerts", "EnsureKubeconfig"}


def test_a_new_machine_joins_once_the_api_servers_that_are_there_know_its_name(bundle: Bundle) -> None:
    made = graph(bundle, 2, 3)
    before = waits_for(made, f"EnsureJoinPhasePreflight@{THIRD}")
    assert {f"EnsureAPIServerCert@{node}" for node in (FIRST, SECOND)} <= before
    assert f"EnsureKubeadmInitPhaseUploadConfig@{FIRST}" in before


def test_nothing_that_stands_is_touched_before_the_checks_and_the_new_machines_preparation(
    bundle: Bundle,
) -> None:
    made = graph(bundle, 1, 2)
    before = waits_for(made, f"EnsureAPIServerCert@{FIRST}")
    assert {"Preflight", f"EnsurePrepareForControlplane@{SECOND}"} <= before


def test_every_need_is_a_task_of_the_graph(bundle: Bundle) -> None:
    made = graph(bundle, 2, 3, ha=KEEPALIVED, apiServerExtraArgs={"v": "2"}, kubeletExtraArgs={"v": "2"})
    assert all(need in made.tasks for task in made for need in task.needs)


def test_never_two_control_planes_at_once(bundle: Bundle) -> None:
    made = graph(
        bundle, 3, 3, version=NEWER, publicAlternativeNames=["a.example"], apiServerExtraArgs={"v": "2"}
    )
    restarting = [task.id for task in made if task.task.name in RESTARTING]
    assert len(restarting) == 3 * len(RESTARTING)
    behind = {task: waits_for(made, task) for task in restarting}
    for one, other in combinations(restarting, 2):
        assert one in behind[other] or other in behind[one], f"{one} and {other} may run at the same time"


def test_a_shared_address_comes_after_the_certificates_that_carry_it(bundle: Bundle) -> None:
    made = graph(bundle, 2, 2, ha=KEEPALIVED)
    for node in (FIRST, SECOND):
        before = waits_for(made, f"EnsureControlPlaneEndpoint@{node}")
        assert {f"EnsureKeepalivedInit@{FIRST}", f"EnsureAPIServerCert@{FIRST}"} <= before
    assert f"EnsureKubeadmInitPhaseAddon@{FIRST}" in waits_for(made, "EnsureKubeProxyEndpoint")
    assert {"EnsureKeepalivedWithLB"} <= names_on(made, SECOND)
    assert "Write kubeconfig" in made.tasks


def test_arguments_of_one_component_do_not_touch_kubelet_or_the_address(bundle: Bundle) -> None:
    on_first = names_on(graph(bundle, 1, 1, apiServerExtraArgs={"v": "2"}), FIRST)
    assert "EnsureControlPlaneSettings" in on_first
    assert not on_first & {"EnsureKubeletSettings", "EnsureControlPlaneEndpoint", "EnsureAPIServerCert"}


def test_an_upgrade_is_the_upgrade_handlers_alone(bundle: Bundle) -> None:
    on_second = names_on(graph(bundle, 2, 2, version=NEWER), SECOND)
    assert {"EnsureUpgradeControlPlaneNode", "EnsureKubernetesImages", "EnsureKubeadm"} <= on_second
    assert not on_second & {"EnsureKubelet", "EnsureControlPlaneSettings"}


def test_the_platform_is_told_once_everything_else_has_ended(bundle: Bundle) -> None:
    made = graph(bundle, 2, 3, ha=KEEPALIVED, publicAlternativeNames=["a.example"])
    assert waits_for(made, TOLD) == made.tasks.keys() - {TOLD}
    assert not {IMPORTED, HELD} & made.tasks.keys()


def test_the_platform_is_held_back_before_the_first_machine_is_upgraded(bundle: Bundle) -> None:
    made = graph(bundle, 2, 2, version=NEWER)
    for node in (FIRST, SECOND):
        assert HELD in waits_for(made, f"EnsureUpgradeControlPlaneNode@{node}")
    assert HELD in waits_for(made, TOLD)


def test_where_the_platform_does_not_know_the_cluster_nobody_is_told(bundle: Bundle) -> None:
    """The import is left out by the input, or a person went on without it."""
    old, new = para_with(1), para_with(2, version=NEWER)
    state = installed(1, bundle)
    state.done_once.discard((IMPORTED, ""))
    left = update_graph(Wanted(old, bundle), Wanted(new, bundle), Options(), state)
    assert not {TOLD, HELD} & left.tasks.keys()
    new.config.skip_steps = [IMPORTED]
    named = update_graph(Wanted(old, bundle), Wanted(new, bundle), Options(), installed(1, bundle))
    assert not {IMPORTED, TOLD, HELD} & named.tasks.keys()


def test_the_import_of_an_installation_is_done_by_what_told_the_platform(bundle: Bundle) -> None:
    made = graph(bundle, 1, 2)
    covered = {task.id for task in build_plan(para_with(2)).included if done_by(made, task, {FIRST})}
    assert IMPORTED in covered
    state = installed(1, bundle)
    state.done_once.discard((IMPORTED, ""))
    new = para_with(2)
    new.config.skip_steps = [IMPORTED]
    without = update_graph(Wanted(para_with(1), bundle), Wanted(new, bundle), Options(), state)
    assert not done_by(without, build_plan(para_with(2))[IMPORTED], {FIRST})


def test_other_packages_of_another_bundle_change_no_machine_that_is_there(bundle: Bundle) -> None:
    packages = {name: [f"{name}-of-another-bundle"] for name in bundle.manifest.packages}
    other = replace(bundle, manifest=bundle.manifest.model_copy(update={"packages": packages}))
    old, new = para_with(1), para_with(2)
    state = installed(1, bundle)
    made = update_graph(Wanted(old, bundle), Wanted(new, other), Options(), state)
    assert names_on(made, FIRST) == names_on(graph(bundle, 1, 2), FIRST)
    assert "EnsureDocker" in names_on(made, SECOND)

    # And it is not made up for by the next resume.
    kept = stays(build_plan(old), Wanted(old, bundle), Options(), state)
    assert {f"EnsureDocker@{FIRST}", f"EnsureCNIPlugins@{FIRST}"} <= kept
    del state.tasks[f"EnsureDocker@{FIRST}"]
    assert f"EnsureDocker@{FIRST}" not in stays(build_plan(old), Wanted(old, bundle), Options(), state)


def test_images_that_another_bundle_brings_are_pushed_but_no_machine_is_touched(
    bundle: Bundle, tmp_path: Path
) -> None:
    state = installed(1, bundle)
    state.tasks["Push images"] = TaskRecord(SUCCEEDED, "Push images#of-another-bundle")
    made = update_graph(Wanted(para_with(1), bundle), Wanted(para_with(1), bundle), Options(), state)
    assert "Push images" in made.tasks
    assert names_on(made, FIRST) == EVERY_TIME


def test_an_upgrade_pulls_once_the_images_are_where_the_machines_pull_from(
    bundle: Bundle, tmp_path: Path
) -> None:
    old, new = para_with(2), para_with(2, version=NEWER)
    for para in (old, new):
        para.config.gateway = Gateway()
    state = installed(2, bundle)
    for name in ("Push images", "Push images to registry"):
        state.tasks[name] = TaskRecord(SUCCEEDED, f"{name}#of-another-bundle")
    made = update_graph(Wanted(old, bundle), Wanted(new, bundle), Options(), state)
    assert "Push images to registry" in made.tasks, "its key tells of the bundle, wherever that lies"
    for node in (FIRST, SECOND):
        assert "Push images" in waits_for(made, f"EnsureKubernetesImages@{node}")
        # The platform's registry is a pod that the first machine's upgrade moves away.
        assert f"EnsureKubernetesImages@{node}" in waits_for(made, f"EnsureUpgradeControlPlaneNode@{FIRST}")


@pytest.mark.parametrize("platform", [True, False])
def test_a_renewal_renews_keeps_and_tells_the_platform_if_there_is_one(
    bundle: Bundle, platform: bool
) -> None:
    state = installed(2, bundle) if platform else RunState()
    made = renewal_graph(Wanted(para_with(2), bundle), Renewal(), state)
    told = [IMPORTED] if platform else []
    assert list(made.tasks) == [
        f"EnsureRenewCerts@{FIRST}",
        f"EnsureRenewCerts@{SECOND}",
        f"EnsureStoreCredential@{FIRST}",
        *told,
    ]
    assert f"EnsureRenewCerts@{FIRST}" in waits_for(made, f"EnsureRenewCerts@{SECOND}")
    assert f"EnsureRenewCerts@{FIRST}" in waits_for(made, f"EnsureStoreCredential@{FIRST}")


def test_the_mark_is_one_task() -> None:
    assert list(unmark_graph(para_with(3)).tasks) == ["EnsureCleanClusterMark"]

"""The plan: the original's order, complete, and every dependency that is true, and no other."""

from __future__ import annotations

import pytest

from tests.contract.world import make_para as _make_para
from tke_tui.core.graph import Graph
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.config import Registry
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.plan import CREATE_HANDLERS, STEPS, build_plan, listed_tasks

ONE, TWO, THREE = (f"198.51.100.{number}" for number in (1, 2, 3))
"""Addresses that this host does not have: the installer runs elsewhere."""


def make_para(count: int, *, installer: str = "") -> CreateClusterPara:
    """An input for `count` machines; `installer` is the one of them that gets an address of this host instead."""
    addresses = [INSTALLER if one == installer else one for one in (ONE, TWO, THREE)[:count]]
    return _make_para(machines=[{"ip": address, "username": "root"} for address in addresses])


INSTALLER = "127.0.0.1"


@pytest.fixture(scope="module")
def three() -> Graph:
    para = make_para(3)
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    return build_plan(para)


def before(graph: Graph, task: str) -> set[str]:
    """Every task that must have ended before `task` may begin."""
    found: set[str] = set()
    waiting = list(graph[task].needs)
    while waiting:
        need = waiting.pop()
        if need not in found:
            found.add(need)
            waiting.extend(graph[need].needs)
    return found


def test_a_handler_s_class_is_called_like_the_handler() -> None:
    assert [handler.__name__ for handler in CREATE_HANDLERS] == [handler.name for handler in CREATE_HANDLERS]


def test_names_are_unique_and_every_need_exists() -> None:
    tasks = [*STEPS, *CREATE_HANDLERS]
    names = {task.name for task in tasks}
    assert len(names) == len(tasks)
    assert {need.task for task in tasks for need in task.needs} <= names


def test_every_task_says_what_it_does() -> None:
    for task in (*STEPS, *CREATE_HANDLERS):
        assert task.title, task.name
        assert not task.title.endswith("."), task.name


def test_everything_waits_for_preflight(three: Graph) -> None:
    for planned in three.included:
        if planned.id != "Preflight":
            assert "Preflight" in before(three, planned.id), planned.id


def test_node_preparation_overlaps_with_the_images(three: Graph) -> None:
    assert "Push images" not in before(three, f"EnsureDocker@{TWO}")
    assert "Push images" in before(three, f"EnsureKubernetesImages@{TWO}")


@pytest.mark.parametrize("installer", [ONE, TWO])
def test_docker_that_pushes_and_serves_the_images_is_not_restarted_meanwhile(installer: str) -> None:
    graph = build_plan(make_para(3, installer=installer))
    pushed = {task.id for task in graph.included if "Push images" in before(graph, task.id)}
    dockers = {task.id for task in graph.included if task.task.name == "EnsureDocker"}
    assert dockers & pushed == {f"EnsureDocker@{INSTALLER}"}
    for task in graph.included:
        if task.task.name == "EnsureKubernetesImages":
            assert dockers & before(graph, task.id) == {
                f"EnsureDocker@{task.node}",
                f"EnsureDocker@{INSTALLER}",
            }


def test_with_a_foreign_registry_only_the_pushing_docker_waits() -> None:
    para = make_para(3, installer=ONE)
    given = {"domain": "registry.example", "namespace": "tke"}
    para.config.registry = Registry.model_validate({"thirdParty": given})
    graph = build_plan(para)
    assert "Push images" in before(graph, f"EnsureDocker@{INSTALLER}")
    assert f"EnsureDocker@{INSTALLER}" not in before(graph, f"EnsureKubernetesImages@{TWO}")


def test_a_machine_is_prepared_without_waiting_for_another(three: Graph) -> None:
    others = {
        task
        for task in before(three, f"EnsurePrepareForControlplane@{TWO}")
        if task.endswith(("@" + ONE, "@" + THREE))
    }
    assert others == set()


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        (f"EnsureJoinPhasePreflight@{TWO}", f"EnsureKubeadmInitPhaseBootstrapToken@{ONE}"),
        (f"EnsureJoinPhasePreflight@{TWO}", f"EnsureKubeadmInitPhaseUploadCerts@{ONE}"),
        (f"EnsureJoinPhasePreflight@{TWO}", f"EnsureKeepalivedInit@{ONE}"),
        (f"EnsureJoinPhaseControlPlaneJoinETCD@{THREE}", f"EnsureJoinPhaseControlPlaneJoinETCD@{TWO}"),
        (f"EnsureKubeconfig@{THREE}", f"EnsureStoreCredential@{ONE}"),
        (f"EnsurePatchAnnotation@{ONE}", f"EnsureJoinPhaseControlPlaneJoinUpdateStatus@{THREE}"),
        ("EnsureMetricsServer", "EnsureGalaxy"),
        ("EnsureCreateClusterMark", "EnsureMetricsServer"),
        (f"EnsurePostInstallHook@{TWO}", "EnsureCreateClusterMark"),
        ("Write kubeconfig", "Create global cluster"),
        ("Execute post cluster ready hook", "Create global cluster"),
    ],
)
def test_true_dependencies(task: str, needed: str) -> None:
    para = make_para(3)
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    para.cluster.spec.features.hooks = {"PostInstall": "/bin/true"}
    assert needed in before(build_plan(para), task)


def test_the_cluster_is_created_when_every_handler_has_ended(three: Graph) -> None:
    handlers = {p.id for p in three.included if p.step == "Create global cluster"} - {"Create global cluster"}
    assert handlers <= before(three, "Create global cluster")


def test_join_phases_of_different_machines_run_side_by_side_but_for_etcd(three: Graph) -> None:
    assert f"EnsureJoinPhaseKubeletStart@{TWO}" not in before(three, f"EnsureJoinPhaseKubeletStart@{THREE}")


def test_left_out_handlers_say_why() -> None:
    reasons = {entry.task.name: entry.left_out for entry in listed_tasks(make_para(1)) if entry.left_out}
    assert {"EnsureNvidiaDriver", "EnsureGPUManager", "EnsureCSIOperator", "EnsureKeepalivedInit"} <= set(
        reasons
    )


def test_skip_conditions_of_the_input_leave_handlers_out() -> None:
    para = make_para(1)
    para.cluster.spec.features.skip_conditions = ["EnsureMetricsServer"]
    entry = next(e for e in listed_tasks(para) if e.task.name == "EnsureMetricsServer")
    assert entry.by == "skip_steps"
    assert "skipConditions" in entry.left_out
    assert "EnsureGalaxy" in before(build_plan(para), "EnsureCreateClusterMark")


def test_a_skipped_cluster_step_leaves_its_handlers_out() -> None:
    para = make_para(1)
    para.config.skip_steps = ["Create global cluster"]
    graph = build_plan(para)
    assert not [p for p in graph.included if p.task.name.startswith("Ensure")]
    assert "Write kubeconfig" in {p.id for p in graph.included}

"""The graph: true dependencies, no barrier that is not one, and left-out tasks that leave no hole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.engine_world import World, task
from tke_tui.core.context import Context
from tke_tui.core.graph import Listed, build_graph
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Need, On, Scope, Task


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, nodes=3)


ONE, TWO, THREE = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def test_a_node_task_waits_for_the_one_before_it_on_its_own_node_only(world: World) -> None:
    graph = world.graph(task("a", on=Scope.ALL), task("b", on=Scope.ALL))
    assert graph[f"b@{TWO}"].needs == {f"a@{TWO}"}


def test_the_chain_of_a_node_skips_tasks_of_other_nodes_and_left_out_ones(world: World) -> None:
    graph = world.graph(
        task("a", on=Scope.ALL),
        task("first only", on=Scope.FIRST),
        task("absent", on=Scope.ALL, left_out="not wanted"),
        task("b", on=Scope.ALL),
    )
    assert graph[f"b@{ONE}"].needs == {f"first only@{ONE}"}
    assert graph[f"b@{TWO}"].needs == {f"a@{TWO}"}


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (On.SAME, {f"a@{TWO}"}),
        (On.FIRST, {f"a@{ONE}"}),
        (On.EVERY, {f"a@{ONE}", f"a@{TWO}", f"a@{THREE}"}),
    ],
)
def test_needs_name_nodes(world: World, on: On, expected: set[str]) -> None:
    graph = world.graph(
        task("a", on=Scope.ALL), task("b", on=Scope.ALL, chained=False, needs=[Need("a", on)])
    )
    assert graph[f"b@{TWO}"].needs == expected


def test_a_cluster_task_waits_for_every_node(world: World) -> None:
    graph = world.graph(task("a", on=Scope.ALL), task("b", needs=[Need("a")]))
    assert graph["b"].needs == {f"a@{ip}" for ip in (ONE, TWO, THREE)}


def test_a_need_on_a_left_out_task_passes_to_what_that_one_needed(world: World) -> None:
    graph = world.graph(
        task("load"),
        task("registry", needs=[Need("load")], left_out="third-party registry"),
        task("push", needs=[Need("registry")]),
    )
    assert graph["push"].needs == {"load"}


def test_nothing_begins_before_the_gates(world: World) -> None:
    graph = world.graph(
        task("preflight"),
        task("hook"),
        task("load"),
        task("a", on=Scope.ALL),
        task("b", on=Scope.ALL),
        gates=("preflight", "hook"),
    )
    assert graph["hook"].needs == {"preflight"}
    assert graph["load"].needs == {"hook"}
    assert graph[f"a@{THREE}"].needs == {"hook"}
    assert graph[f"b@{THREE}"].needs == {f"a@{THREE}"}


def test_rest_of_a_single_node_cluster_is_nobody(tmp_path: Path) -> None:
    world = World(tmp_path, nodes=1)
    graph = world.graph(task("join", on=Scope.REST), task("mark", needs=[Need("join")]), task("x"))
    assert list(graph.tasks) == ["mark", "x"]
    assert graph["mark"].needs == frozenset()


def test_only_the_first_of_serial_tasks_names_what_all_of_them_need_everywhere(world: World) -> None:
    graph = world.graph(
        task("join", on=Scope.ALL),
        task("annotate", needs=[Need("join", On.EVERY)], on=Scope.ALL, serial=True, chained=False),
    )
    assert graph[f"annotate@{ONE}"].needs == {f"join@{ONE}", f"join@{TWO}", f"join@{THREE}"}
    assert graph[f"annotate@{TWO}"].needs == {f"annotate@{ONE}"}


def test_serial_tasks_keep_what_a_left_out_need_passes_on_to_their_own_machine(world: World) -> None:
    graph = world.graph(
        task("a", on=Scope.ALL),
        task("absent", needs=[Need("a")], on=Scope.ALL, left_out="not wanted"),
        task("b", needs=[Need("absent", On.EVERY)], on=Scope.ALL, serial=True, chained=False),
    )
    assert graph[f"b@{TWO}"].needs == {f"b@{ONE}", f"a@{TWO}"}


def test_serial_waits_for_the_machine_before(world: World) -> None:
    graph = world.graph(task("etcd", on=Scope.REST, serial=True))
    assert graph[f"etcd@{TWO}"].needs == frozenset()
    assert graph[f"etcd@{THREE}"].needs == {f"etcd@{TWO}"}


class Restart(Task):
    name = "restart"
    title = "restart a daemon"
    scope = Scope.ALL

    def needs_on(self, machine: Machine, para: CreateClusterPara) -> tuple[Need, ...]:
        return (Need("push"),) if machine.ip == ONE else ()

    async def run(self, ctx: Context) -> None:
        return None


def test_a_need_may_hold_on_one_machine_only(world: World) -> None:
    graph = world.graph(task("push"), Restart())
    assert graph[f"restart@{ONE}"].needs == {"push"}
    assert graph[f"restart@{TWO}"].needs == frozenset()


def test_what_a_left_out_task_needed_on_one_machine_is_passed_on(world: World) -> None:
    after = task("pull", on=Scope.ALL, needs=[Need("restart")])
    listed = [
        Listed(task("push"), "s"),
        Listed(Restart(), "s", "not wanted", "condition"),
        Listed(after, "s"),
    ]
    graph = build_graph(listed, world.para)
    assert graph[f"pull@{ONE}"].needs == {"push"}
    assert graph[f"pull@{TWO}"].needs == frozenset()


@pytest.mark.parametrize("installer", ["", TWO])
def test_a_need_on_the_installers_own_machine_is_none_where_it_runs_elsewhere(
    world: World, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tke_tui.core.graph.is_own_address", lambda address: address == installer)
    pull = task("pull", on=Scope.ALL, chained=False, needs=[Need("docker", On.INSTALLER)])
    graph = world.graph(task("docker", on=Scope.ALL, needs=[Need("load")]), task("load"), pull)
    assert graph[f"pull@{THREE}"].needs == ({f"docker@{installer}"} if installer else frozenset())


def test_tasks_that_wait_for_each_other_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        world.graph(task("a", needs=[Need("b")]), task("b", needs=[Need("a")]))


def test_an_unknown_need_is_refused(world: World) -> None:
    with pytest.raises(KeyError, match="nobody"):
        world.graph(task("a", needs=[Need("nobody")]))

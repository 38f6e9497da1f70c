"""Joining further control planes: what expires, what breaks off, and how it is caught up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.control_plane_order import ORDER, up_to
from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import NotReady, Retryable
from tke_tui.core.handlers.ensure_join_phase_control_plane_join_etcd import (
    EnsureJoinPhaseControlPlaneJoinETCD as JoinETCD,
)
from tke_tui.core.handlers.ensure_join_phase_control_plane_prepare import (
    EnsureJoinPhaseControlPlanePrepare as Prepare,
)
from tke_tui.core.handlers.ensure_join_phase_kubelet_start import EnsureJoinPhaseKubeletStart
from tke_tui.core.handlers.ensure_join_phase_preflight import EnsureJoinPhasePreflight
from tke_tui.core.task import Task
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.kubeadm import MANIFESTS, PKI


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def two(tmp_path: Path, bundle: Bundle) -> ControlPlaneWorld:
    return ControlPlaneWorld(tmp_path, bundle, make_para(2))


async def run_second(world: ControlPlaneWorld, kind: type[Task]) -> Any:
    return await world.run_on(kind(), world.para.machines[1])


async def test_defect_join_after_token_and_uploaded_certificates_expired(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(Prepare))
    two.cluster.expire_join_secrets()

    await run_second(two, Prepare)

    assert two.machines["127.0.0.2"].text(f"{PKI}/ca.key") == two.first.text(f"{PKI}/ca.key")
    assert two.first.ran("kubeadm", "init", "phase", "upload-certs") == 2
    assert two.first.ran("kubeadm", "init", "phase", "bootstrap-token") == 2


async def test_living_join_secrets_are_not_made_again(two: ControlPlaneWorld) -> None:
    await two.run_all(ORDER)

    assert two.first.ran("kubeadm", "init", "phase", "upload-certs") == 1
    assert two.first.ran("kubeadm", "init", "phase", "bootstrap-token") == 1


async def test_defect_join_only_through_the_first_machine(tmp_path: Path, bundle: Bundle) -> None:
    world = ControlPlaneWorld(tmp_path, bundle, make_para(3))
    await world.run_all(up_to(EnsureJoinPhasePreflight))
    second, third = world.para.machines[1:]
    for kind in ORDER[ORDER.index(EnsureJoinPhasePreflight) :][:5]:
        await world.run_on(kind(), second)
        world.done.add((kind.name, second.ip))
    world.machines[third.ip].facts["unreachable"] = (world.para.first.ip,)

    await world.run_on(EnsureJoinPhasePreflight(), third)

    text = world.machines[third.ip].text("/etc/kubernetes/kubeadm-config.yaml")
    assert yaml.safe_load(text)["discovery"]["bootstrapToken"]["apiServerEndpoint"] == f"{second.ip}:6443"


async def test_join_without_any_reachable_api_server_says_what_each_one_said(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsureJoinPhasePreflight))
    two.machines["127.0.0.2"].facts["unreachable"] = ("127.0.0.1",)

    with pytest.raises(NotReady, match="no API server can be reached") as caught:
        await run_second(two, EnsureJoinPhasePreflight)

    assert "127.0.0.1:6443: Unable to connect" in "".join(
        caught.value.evidence.output if caught.value.evidence else ()
    )


async def test_preflight_of_a_machine_that_is_already_joining_is_not_repeated(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))

    again = await run_second(two, EnsureJoinPhasePreflight)

    assert again.changes == []


async def test_kubelet_of_a_registered_node_is_left_alone(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))
    del two.cluster.objects[("Node", "127.0.0.2", "")]["metadata"]["annotations"]

    await run_second(two, EnsureJoinPhaseKubeletStart)

    assert two.machines["127.0.0.2"].ran("kubeadm", "join", "phase", "kubelet-start") == 1
    annotations = two.cluster.objects[("Node", "127.0.0.2", "")]["metadata"]["annotations"]
    assert annotations == {"kubeadm.alpha.kubernetes.io/cri-socket": "/var/run/dockershim.sock"}


async def test_etcd_join_that_ends_after_the_announcement_is_caught_up(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))
    two.cluster.break_etcd_join = True

    await run_second(two, JoinETCD)

    assert two.cluster.members == {"127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2"}
    assert two.cluster.answers


async def test_announced_member_is_started_though_neither_etcd_nor_the_api_answers(
    two: ControlPlaneWorld,
) -> None:
    await two.run_all(up_to(JoinETCD))
    two.cluster.members["127.0.0.2"] = ""
    assert not two.cluster.has_quorum

    context = await run_second(two, JoinETCD)

    assert two.cluster.answers
    assert two.machines["127.0.0.2"].ran("kubeadm", "join", "phase", "control-plane-join") == 0
    assert context.changes == ["start the announced etcd member"]
    assert two.machines["127.0.0.2"].path(f"{MANIFESTS}/etcd.yaml").stat().st_mode & 0o777 == 0o600


async def test_announced_member_whose_manifest_lacks_its_name_is_repaired(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))
    two.cluster.members["127.0.0.2"] = ""
    two.machines["127.0.0.2"].put(
        f"{MANIFESTS}/etcd.yaml",
        "metadata: {name: etcd}\nspec: {containers: [{command: [etcd, "
        '"--initial-cluster=127.0.0.1=https://127.0.0.1:2380,=https://127.0.0.2:2380"]}]}\n',
    )

    await run_second(two, JoinETCD)

    assert two.cluster.members["127.0.0.2"] == "127.0.0.2"


async def test_data_of_a_member_that_was_removed_does_not_stand_in_the_way(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))
    second = two.machines["127.0.0.2"]
    second.put("/var/lib/etcd/member/wal/0.wal", "old")

    await run_second(two, JoinETCD)

    assert not second.path("/var/lib/etcd/member/wal/0.wal").exists()


async def test_a_join_phase_that_fails_while_etcd_finds_its_majority_is_tried_again(
    two: ControlPlaneWorld,
) -> None:
    await two.run_all(up_to(Prepare))
    two.cluster.vip_up = False

    with pytest.raises(Retryable, match="control-plane-prepare all failed") as caught:
        await run_second(two, Prepare)
    two.cluster.vip_up = True
    await run_second(two, Prepare)

    assert "no route to host" in caught.value.detail
    assert Prepare.attempts > 3


async def test_etcd_join_without_any_etcd_is_tried_again_and_explained(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(JoinETCD))
    two.first.facts["dead"] = ("etcd",)

    with pytest.raises(Retryable, match="No etcd member answers"):
        await run_second(two, JoinETCD)

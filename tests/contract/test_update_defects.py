"""What goes wrong with the original when a standing cluster is changed, and must not here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.update_world import (
    NEWER,
    Standing,
    bundle_with_newer,
    let_end,
    para_with,
    serials,
)
from tke_tui.core.errors import CommandFailed, Fatal, NotReady
from tke_tui.core.handlers import ensure_control_plane_settings, evacuation, node_ready
from tke_tui.core.handlers.ensure_api_server_cert import EnsureAPIServerCert
from tke_tui.core.handlers.ensure_control_plane_settings import EnsureControlPlaneSettings
from tke_tui.core.handlers.ensure_kubelet_settings import EnsureKubeletSettings
from tke_tui.core.handlers.ensure_renew_certs import EnsureRenewCerts, Renewal
from tke_tui.core.handlers.ensure_upgrade_control_plane_node import EnsureUpgradeControlPlaneNode
from tke_tui.core.kubeadm import expiry
from tke_tui.core.kubeadm.certificates import names_in
from tke_tui.core.kubeadm.expiry import Place
from tke_tui.core.remote import static_restart
from tke_tui.lab.certificates import make_ca, make_leaf
from tke_tui.lab.kubeadm import MANIFESTS, PKI, ModelCluster, login

ADMIN = "/etc/kubernetes/admin.conf"
KUBELET_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(ensure_control_plane_settings, "TAKE_UP_SECONDS", 0.0)
    monkeypatch.setattr(static_restart, "TIMEOUT", 0.05)
    monkeypatch.setattr(evacuation, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(node_ready, "TIMEOUT", 0.05)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    return Standing(tmp_path_factory.mktemp("standing"), bundle_with_newer(tmp_path_factory.mktemp("bundle")))


@pytest.fixture
async def two(tmp_path: Path, standing: Standing) -> ControlPlaneWorld:
    return await standing.copy(tmp_path, para_with(2), 2)


def restarts(world: ControlPlaneWorld, index: int = 0) -> list[str]:
    """Static pods that were restarted on a machine, in order."""
    log = world.machines[world.para.machines[index].ip].log
    return [argv[-1].removeprefix("id-").partition(".")[0] for argv in log if argv[:2] == ("docker", "stop")]


# --- certificates --------------------------------------------------------------------------------------------------


async def test_defect_machines_after_the_first_good_one_are_never_looked_at(two: ControlPlaneWorld) -> None:
    let_end(two, "front-proxy-client", 12, index=1)

    await two.run_all((EnsureRenewCerts,))

    assert restarts(two, 0) == []
    assert serials(two, 1)["front-proxy-client.crt"] == 2
    assert restarts(two, 1) == ["kube-apiserver"]


@pytest.mark.parametrize("content", ["", "no certificate\n"])
async def test_defect_a_certificate_that_cannot_be_read_counts_as_good(
    two: ControlPlaneWorld, content: str
) -> None:
    two.first.put(f"{PKI}/etcd/peer.crt", content)

    with pytest.raises(Fatal, match=r"etcd/peer\.crt holds no certificate"):
        await two.run(EnsureRenewCerts())

    assert two.first.ran("kubeadm", "certs") == 0


async def test_only_what_ends_is_renewed_and_only_its_holder_restarted(two: ControlPlaneWorld) -> None:
    let_end(two, "etcd/server", 29)
    let_end(two, "apiserver", 31)

    await two.run(EnsureRenewCerts())

    assert {name for name, serial in serials(two).items() if serial != 1} == {"etcd/server.crt"}
    assert restarts(two) == ["etcd"]


async def test_a_longer_threshold_renews_more(two: ControlPlaneWorld) -> None:
    let_end(two, "apiserver", 60)

    await two.run(EnsureRenewCerts(Renewal(before=90)))

    assert serials(two)["apiserver.crt"] == 2


async def test_defect_all_pods_of_a_control_plane_are_restarted_at_once_and_nobody_waits(
    two: ControlPlaneWorld,
) -> None:
    """The etcd that does not come back is the last thing that is touched, on this machine and on all others."""
    two.first.facts["stays_away"] = ("etcd",)

    with pytest.raises(NotReady, match="static pod etcd did not come back"):
        await two.run(EnsureRenewCerts(Renewal(forced="1")))

    assert restarts(two) == ["etcd"]


async def test_pods_are_restarted_in_the_order_of_their_needs(two: ControlPlaneWorld) -> None:
    await two.run(EnsureRenewCerts(Renewal(forced="1")))

    assert restarts(two) == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]


async def test_nothing_is_stopped_where_no_kubelet_would_start_it_again(two: ControlPlaneWorld) -> None:
    two.first.facts["systemd"]["active"].discard("kubelet.service")

    with pytest.raises(Fatal, match="kubelet is not running") as caught:
        await two.run(EnsureRenewCerts(Renewal(forced="1")))

    assert restarts(two) == []
    assert "systemctl start kubelet" in caught.value.fix


async def test_a_ca_whose_key_is_elsewhere_is_no_silent_success(two: ControlPlaneWorld) -> None:
    two.first.facts["external_ca"] = True
    let_end(two, "apiserver", 5)

    with pytest.raises(Fatal, match="apiserver could not be renewed"):
        await two.run(EnsureRenewCerts())


async def test_a_renewal_of_everything_renews_everything_again_the_next_time(two: ControlPlaneWorld) -> None:
    await two.run(EnsureRenewCerts(Renewal(forced="one")))
    await two.run(EnsureRenewCerts(Renewal(forced="one")))
    leaves = {name: serial for name, serial in serials(two).items() if not name.endswith("ca.crt")}
    assert set(leaves.values()) == {2}

    await two.run(EnsureRenewCerts(Renewal(forced="two")))

    assert {serial for name, serial in serials(two).items() if not name.endswith("ca.crt")} == {3}


async def test_kubeconfigs_keep_their_address_and_get_new_certificates(two: ControlPlaneWorld) -> None:
    before = yaml.safe_load(two.first.text(ADMIN))

    await two.run(EnsureRenewCerts(Renewal(forced="1")))

    after = yaml.safe_load(two.first.text(ADMIN))
    assert after["clusters"] == before["clusters"]
    assert after["users"] != before["users"]
    assert two.first.path(ADMIN).stat().st_mode & 0o777 == 0o600


async def test_defect_kubelet_of_the_first_machine_cannot_start_after_a_year(two: ControlPlaneWorld) -> None:
    """kubeadm issue 1753: its kubeconfig holds the first certificate, though kubelet has renewed it since."""
    document = yaml.safe_load(two.first.text("/etc/kubernetes/kubelet.conf"))
    document["users"] = [login(two.first, "kubelet.conf", 1, 20)]
    two.first.put("/etc/kubernetes/kubelet.conf", yaml.safe_dump(document), mode=0o600)
    two.first.put(KUBELET_CERTIFICATE, "".join(make_leaf("kubelet", (), *make_ca("ca"), 7, 300)), mode=0o600)

    await two.run(EnsureRenewCerts())

    user = yaml.safe_load(two.first.text("/etc/kubernetes/kubelet.conf"))["users"][0]["user"]
    assert user == {"client-certificate": KUBELET_CERTIFICATE, "client-key": KUBELET_CERTIFICATE}
    assert (await two.run(EnsureRenewCerts())).changes == []


async def test_a_cluster_whose_certificates_have_all_ended_is_brought_back(
    tmp_path: Path, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """etcd finds no majority before most of its members have new certificates: the first one cannot wait for it."""
    world = await standing.copy(tmp_path, para_with(3), 3)
    for index in range(3):
        for name in ("etcd/peer", "apiserver"):
            let_end(world, name, -1, index)

    def majority(cluster: ModelCluster) -> bool:
        ended = [_ended(machine.text(f"{PKI}/etcd/peer.crt")) for machine in cluster.machines.values()]
        return 2 * ended.count(False) > len(ended)

    monkeypatch.setattr(ModelCluster, "has_quorum", property(majority))

    await world.run_all((EnsureRenewCerts,))

    assert world.cluster.has_quorum
    for index in range(3):
        assert serials(world, index)["etcd/peer.crt"] == 2
        assert restarts(world, index) == ["etcd", "kube-apiserver"]


def _ended(pem: str) -> bool:
    found = expiry.parse(Place("", "/x.crt"), pem)
    return found is None or found.ends_within(0)


async def test_a_damaged_certificate_of_the_api_server_is_made_again_with_all_names(
    two: ControlPlaneWorld,
) -> None:
    two.first.put(f"{PKI}/apiserver.crt", "damaged")

    await two.run(EnsureAPIServerCert())

    assert {"127.0.0.1", "127.0.0.2", "localhost"} <= names_in(two.first.text(f"{PKI}/apiserver.crt"))
    assert restarts(two) == ["kube-apiserver"]


async def test_names_that_were_added_by_hand_stay(two: ControlPlaneWorld) -> None:
    names = (*sorted(names_in(two.first.text(f"{PKI}/apiserver.crt"))), "by-hand.example.com")
    pair = make_leaf("apiserver", names, *make_ca("ca"))
    two.first.put(f"{PKI}/apiserver.key", pair[1], mode=0o600)
    two.first.put(f"{PKI}/apiserver.crt", pair[0])
    for end in ("crt", "key"):
        os.utime(two.first.path(f"{PKI}/apiserver.{end}"), (1, 1))

    assert (await two.run(EnsureAPIServerCert())).changes == []


# --- settings ------------------------------------------------------------------------------------------------------


async def test_only_the_pod_whose_arguments_changed_is_restarted(tmp_path: Path, standing: Standing) -> None:
    world = await standing.copy(tmp_path, para_with(1, schedulerExtraArgs={"v": "4"}), 1)
    before = {
        name: world.first.path(f"{MANIFESTS}/{name}.yaml").stat().st_mtime
        for name in ("kube-apiserver", "kube-controller-manager")
    }

    await world.run(EnsureControlPlaneSettings())

    assert restarts(world) == []
    assert "--v=4" in world.first.text(f"{MANIFESTS}/kube-scheduler.yaml")
    after = {name: world.first.path(f"{MANIFESTS}/{name}.yaml").stat().st_mtime for name in before}
    assert after == pytest.approx(before)


async def test_an_argument_that_kubelet_does_not_know_is_told_with_what_kubelet_says(
    tmp_path: Path, standing: Standing
) -> None:
    world = await standing.copy(tmp_path, para_with(2, kubeletExtraArgs={"nonsense": "1"}), 2)
    world.first.facts |= {"kubelet_dies": True, "journal": ["unknown flag: --nonsense"]}

    with pytest.raises(NotReady, match="kubelet did not come back") as caught:
        await world.run(EnsureKubeletSettings())

    assert caught.value.detail == "unknown flag: --nonsense"


# --- upgrade -------------------------------------------------------------------------------------------------------


async def upgrading(tmp_path: Path, standing: Standing, machines: int = 2) -> ControlPlaneWorld:
    return await standing.copy(tmp_path, para_with(machines, version=NEWER), machines)


async def test_both_machines_are_upgraded_the_first_one_for_the_cluster(
    tmp_path: Path, standing: Standing
) -> None:
    world = await upgrading(tmp_path, standing)

    await world.run_all((EnsureUpgradeControlPlaneNode,))

    first, second = world.machines.values()
    assert first.ran("kubeadm", "upgrade", "apply") == 1
    assert second.ran("kubeadm", "upgrade", "node") == 1
    for machine in (first, second):
        assert f":v{NEWER}" in machine.text(f"{MANIFESTS}/kube-apiserver.yaml")
        assert NEWER in machine.text("/usr/bin/kubelet")
        assert not world.cluster.objects[("Node", machine.address, "")]["spec"]["unschedulable"]
        order = [
            argv[:2] for argv in machine.log if argv[0] == "kubeadm" or argv[:2] == ("systemctl", "restart")
        ]
        assert order.index(("kubeadm", "upgrade")) < order.index(("systemctl", "restart")), (
            "kubelet comes last"
        )


async def test_defect_drain_hangs_on_pods_with_local_data(tmp_path: Path, standing: Standing) -> None:
    world = await upgrading(tmp_path, standing)

    await world.run(EnsureUpgradeControlPlaneNode())

    drained = next(argv for argv in world.first.log if "drain" in argv)
    assert {"--delete-emptydir-data", "--ignore-daemonsets"} <= set(drained)
    assert any(word.startswith("--timeout=") for word in drained)


async def test_a_pod_that_cannot_be_moved_stops_the_upgrade_before_anything_is_changed(
    tmp_path: Path, standing: Standing
) -> None:
    world = await upgrading(tmp_path, standing)
    world.first.facts["undrainable"] = "default/alone"

    with pytest.raises(CommandFailed, match="move the pods") as caught:
        await world.run(EnsureUpgradeControlPlaneNode())

    assert "default/alone" in caught.value.detail
    assert world.first.ran("kubeadm", "upgrade") == 0
    node = world.cluster.objects[("Node", world.para.first.ip, "")]
    assert not node["spec"]["unschedulable"], "pods may come until a person has moved it"


async def test_a_machine_that_a_person_closed_stays_closed(tmp_path: Path, standing: Standing) -> None:
    world = await upgrading(tmp_path, standing)
    world.cluster.objects[("Node", world.para.first.ip, "")]["spec"] = {"unschedulable": True}

    await world.run(EnsureUpgradeControlPlaneNode())

    assert world.cluster.objects[("Node", world.para.first.ip, "")]["spec"]["unschedulable"]


async def test_the_pods_of_a_single_machine_stay_where_they_are(tmp_path: Path, standing: Standing) -> None:
    world = await upgrading(tmp_path, standing, machines=1)

    await world.run(EnsureUpgradeControlPlaneNode())

    assert not [argv for argv in world.first.log if "drain" in argv]


async def test_defect_finished_jobs_count_as_unready_pods(tmp_path: Path, standing: Standing) -> None:
    world = await upgrading(tmp_path, standing)
    world.cluster.put("Pod", "job", "default", status={"phase": "Succeeded"})

    await world.run(EnsureUpgradeControlPlaneNode())

    world.cluster.put("Pod", "broken", "default", status={"phase": "Pending"})
    with pytest.raises(NotReady, match="1 pods are not ready"):
        await world.run(EnsureUpgradeControlPlaneNode())


@pytest.mark.parametrize(
    ("given", "pods", "expected"), [(None, 9, 0), (2, 9, 2), ("10%", 25, 3), ("0%", 9, 0), ("3", 9, 3)]
)
def test_how_many_pods_may_be_unready(given: int | str | None, pods: int, expected: int) -> None:
    assert evacuation.allowed(given, pods) == expected


async def test_a_kubelet_that_is_newer_already_refuses_to_go_back(tmp_path: Path, standing: Standing) -> None:
    world = await standing.copy(tmp_path, para_with(1), 1)
    world.first.put("/usr/bin/kubelet", "kubelet of v1.21.0", mode=0o755)

    with pytest.raises(Fatal, match=r"Kubernetes v1\.21\.0 cannot become 1\.20\.2"):
        await world.run(EnsureUpgradeControlPlaneNode())

"""What goes wrong with the original on the way to a control plane, and must not here."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.control_plane_order import ORDER, up_to
from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import CommandFailed, NotReady
from tke_tui.core.handlers import ensure_patch_annotation
from tke_tui.core.handlers.ensure_authz_webhook import EnsureAuthzWebhook
from tke_tui.core.handlers.ensure_cluster_complete import EnsureClusterComplete
from tke_tui.core.handlers.ensure_kubeadm_init_phase_certs import EnsureKubeadmInitPhaseCerts
from tke_tui.core.handlers.ensure_kubeadm_init_phase_control_plane import EnsureKubeadmInitPhaseControlPlane
from tke_tui.core.handlers.ensure_kubeadm_init_phase_etcd import EnsureKubeadmInitPhaseETCD
from tke_tui.core.handlers.ensure_kubeadm_init_phase_kube_config import EnsureKubeadmInitPhaseKubeConfig
from tke_tui.core.handlers.ensure_kubeadm_init_phase_upload_config import EnsureKubeadmInitPhaseUploadConfig
from tke_tui.core.handlers.ensure_kubeadm_init_phase_wait_control_plane import (
    EnsureKubeadmInitPhaseWaitControlPlane,
)
from tke_tui.core.handlers.ensure_mark_control_plane import EnsureMarkControlPlane, patch_for
from tke_tui.core.handlers.ensure_patch_annotation import EnsurePatchAnnotation
from tke_tui.core.kubeadm import endpoint
from tke_tui.core.kubeadm.stamps import DIRECTORY
from tke_tui.core.model.cluster import HA, AuthzWebhookAddr
from tke_tui.core.model.machine import Taint
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Task
from tke_tui.lab.bundle import make_packages
from tke_tui.lab.certificates import make_ca
from tke_tui.lab.kubeadm import MANIFESTS, PKI


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_packages(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def two(tmp_path: Path, bundle: Bundle) -> ControlPlaneWorld:
    return ControlPlaneWorld(tmp_path, bundle, make_para(2))


def with_vip(machines: int) -> CreateClusterPara:
    para = make_para(machines)
    para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    return para


# --- secrets -------------------------------------------------------------------------------------------------------


async def test_defect_world_readable_secrets(two: ControlPlaneWorld) -> None:
    await two.run_all(ORDER)

    secrets = [
        two.secrets.require(f"cluster/{name}") for name in ("token", "bootstrap-token", "certificate-key")
    ]
    for machine in two.machines.values():
        for path in machine.root.rglob("*"):
            if path.is_file() and any(secret in path.read_text(errors="replace") for secret in secrets):
                assert path.stat().st_mode & 0o077 == 0, path


async def test_no_secret_is_ever_part_of_a_command(two: ControlPlaneWorld) -> None:
    await two.run_all(ORDER)

    secrets = [two.secrets.require(name) for name in two.secrets]
    for machine in two.machines.values():
        assert not [argv for argv in machine.log for secret in secrets if secret in " ".join(argv)]
    assert not [line for line in two.lines for secret in secrets if secret in line[2]]


async def test_defect_credentials_made_anew_at_each_repetition(two: ControlPlaneWorld) -> None:
    await two.run(EnsureClusterComplete())
    made = {name: two.secrets.require(name) for name in two.secrets}

    await two.run(EnsureClusterComplete())

    assert {name: two.secrets.require(name) for name in two.secrets} == made
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", made["cluster/bootstrap-token"])
    assert re.fullmatch(r"[0-9a-f]{64}", made["cluster/certificate-key"])
    assert re.fullmatch(r"[a-z0-9]{8}", made["cluster/keepalived-auth"])
    assert "," not in made["cluster/token"]


# --- the first machine ---------------------------------------------------------------------------------------------


async def test_certificates_torn_by_an_interruption_are_made_again(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsureKubeadmInitPhaseCerts))
    two.first.put(f"{PKI}/etcd/peer.key", "half of a pair", mode=0o600)
    two.first.put(f"{PKI}/apiserver.key", "half of a pair", mode=0o600)
    two.first.put(f"{PKI}/apiserver.crt", "")

    await two.run(EnsureKubeadmInitPhaseCerts())

    assert two.first.text(f"{PKI}/etcd/peer.crt").startswith("-----BEGIN CERTIFICATE")
    assert two.first.text(f"{PKI}/apiserver.crt").startswith("-----BEGIN CERTIFICATE")


async def test_a_ca_without_key_is_somebodys_intention_and_stays(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsureKubeadmInitPhaseCerts))
    ca, _ = make_ca("external")
    two.first.put(f"{PKI}/ca.crt", ca)

    with pytest.raises(CommandFailed):
        await two.run(EnsureKubeadmInitPhaseCerts())

    assert two.first.text(f"{PKI}/ca.crt") == ca


async def test_a_vip_added_later_comes_into_certificate_and_kubeconfigs_under_the_same_ca(
    two: ControlPlaneWorld, tmp_path: Path
) -> None:
    await two.run_all(up_to(EnsureKubeadmInitPhaseUploadConfig))
    ca = two.first.text(f"{PKI}/ca.crt")
    later = two.clone(tmp_path / "later", with_vip(2))

    await later.run(EnsureKubeadmInitPhaseCerts())
    await later.run(EnsureKubeadmInitPhaseKubeConfig())

    assert later.first.text(f"{PKI}/ca.crt") == ca
    assert later.first.text(f"{PKI}/apiserver.crt") != two.first.text(f"{PKI}/apiserver.crt")
    for name in ("admin.conf", "kubelet.conf"):
        assert "https://127.0.0.100:6443" in later.first.text(f"/etc/kubernetes/{name}")
    assert "https://127.0.0.1:6443" in later.first.text("/etc/kubernetes/scheduler.conf")


async def test_an_api_server_that_does_not_come_up_is_explained(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsureKubeadmInitPhaseWaitControlPlane))
    two.cluster.members.clear()
    two.first.facts |= {
        "dead": ("etcd",),
        "logs": {"etcd": "etcdmain: listen tcp 127.0.0.1:2379: bind: address already in use\n"},
        "journal": ["kubelet.go: Error syncing pod etcd-127.0.0.1"],
    }

    with pytest.raises(NotReady) as caught:
        await two.run(EnsureKubeadmInitPhaseWaitControlPlane())

    said = "\n".join(caught.value.evidence.output if caught.value.evidence else ())
    assert "etcd: Exited (1)" in said
    assert "address already in use" in said
    assert "kubelet: kubelet.go: Error syncing pod" in said


async def test_a_vip_that_leads_nowhere_is_explained_before_kubeadm_uses_it(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "TIMEOUT", 0.05)
    world = ControlPlaneWorld(tmp_path, bundle, with_vip(1))
    await world.run_all(up_to(EnsureKubeadmInitPhaseUploadConfig))
    world.cluster.vip_up = False

    with pytest.raises(NotReady, match=r"127\.0\.0\.100:6443") as caught:
        await world.run(EnsureKubeadmInitPhaseUploadConfig())

    assert "VRRP" in caught.value.fix
    assert world.first.ran("kubeadm", "init", "phase", "upload-config") == 0


# --- nodes ---------------------------------------------------------------------------------------------------------


async def test_static_pods_carry_the_annotations_from_the_start(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsurePatchAnnotation))

    second = await two.run_on(EnsurePatchAnnotation(), two.para.machines[1])

    assert second.changes == []


async def test_the_first_api_server_starts_afresh_once_all_etcd_members_have_joined(
    two: ControlPlaneWorld,
) -> None:
    """Watches from before etcd lost its quorum for a moment may never deliver again."""
    await two.run_all(up_to(EnsurePatchAnnotation))

    assert (await two.run(EnsurePatchAnnotation())).changes == ["annotate the pod kube-apiserver"]
    annotations = yaml.safe_load(two.first.text(f"{MANIFESTS}/kube-apiserver.yaml"))["metadata"][
        "annotations"
    ]
    assert annotations["platform.tkestack.io/etcd-members"] == "127.0.0.1,127.0.0.2"
    assert (await two.run(EnsurePatchAnnotation())).changes == []


async def test_a_single_api_server_is_not_restarted(tmp_path: Path, bundle: Bundle) -> None:
    one = ControlPlaneWorld(tmp_path, bundle, make_para(1))
    await one.run_all(up_to(EnsurePatchAnnotation))

    assert (await one.run(EnsurePatchAnnotation())).changes == []


async def test_missing_annotations_are_added_and_kubelet_must_take_them_up(two: ControlPlaneWorld) -> None:
    await two.run_all([*up_to(EnsurePatchAnnotation), EnsurePatchAnnotation])
    path = f"{MANIFESTS}/kube-scheduler.yaml"
    pod = yaml.safe_load(two.first.text(path))
    pod["metadata"]["annotations"] = {"somebody": "else"}
    two.first.put(path, yaml.safe_dump(pod), mode=0o600)

    context = await two.run(EnsurePatchAnnotation())

    assert context.changes == ["annotate the pod kube-scheduler"]
    annotations = yaml.safe_load(two.first.text(path))["metadata"]["annotations"]
    assert annotations["somebody"] == "else"
    assert annotations["prometheus.io/port"] == "10259"


async def test_a_static_pod_that_kubelet_does_not_restart_is_a_failure_with_what_it_says(
    two: ControlPlaneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two.run_all(up_to(EnsurePatchAnnotation))
    two.first.facts |= {"stale": ("kube-scheduler",), "logs": {"kube-scheduler": "leader election lost"}}
    monkeypatch.setattr(ensure_patch_annotation, "TIMEOUT", 0.05)
    monkeypatch.setattr(ensure_patch_annotation, "PATIENCE", 0.0)

    with pytest.raises(NotReady, match="kube-scheduler did not come back") as caught:
        await two.run(EnsurePatchAnnotation())

    assert caught.value.evidence is not None
    assert any("leader election lost" in line for line in caught.value.evidence.output)


@pytest.mark.parametrize(
    ("task", "component"),
    [(EnsureKubeadmInitPhaseETCD, "etcd"), (EnsureKubeadmInitPhaseControlPlane, "kube-scheduler")],
)
async def test_a_phase_broken_off_before_its_note_does_not_make_a_running_pod_look_outdated(
    two: ControlPlaneWorld, task: type[Task], component: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two.run_all(up_to(EnsurePatchAnnotation))
    await two.run(EnsurePatchAnnotation())
    stamp = f"{DIRECTORY}/{component if component == 'etcd' else 'control-plane'}"
    two.first.path(stamp).unlink()
    assert f"keep the time of {MANIFESTS}/{component}.yaml" in (await two.run(task())).changes
    monkeypatch.setattr(ensure_patch_annotation, "TIMEOUT", 0.0)
    monkeypatch.setattr(ensure_patch_annotation, "PATIENCE", 0.05)
    changes = (await two.run(EnsurePatchAnnotation())).changes
    assert not [change for change in changes if change.startswith("restart")]


async def test_a_pod_that_looks_outdated_for_good_is_restarted(
    two: ControlPlaneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed after it wrote the same manifest again, and before it gave it its former time back."""
    await two.run_all(up_to(EnsurePatchAnnotation))
    await two.run(EnsurePatchAnnotation())
    path = two.first.path(f"{MANIFESTS}/etcd.yaml")
    moment = time.time()
    os.utime(path, (moment, moment))
    monkeypatch.setattr(ensure_patch_annotation, "PATIENCE", 0.05)
    assert (await two.run(EnsurePatchAnnotation())).changes == ["restart the static pod etcd"]


async def test_the_first_machines_pods_are_reported_before_anybody_joins(two: ControlPlaneWorld) -> None:
    """kubeadm finds the first etcd member by its pod; kubelet may tell of it 90 s late, but at once as it starts."""
    await two.run_all(up_to(EnsureKubeadmInitPhaseWaitControlPlane))
    two.first.facts["unreported"] = True

    assert (await two.run(EnsureKubeadmInitPhaseWaitControlPlane())).changes == ["restart kubelet.service"]
    assert (await two.run(EnsureKubeadmInitPhaseWaitControlPlane())).changes == []


async def test_marks_of_others_on_a_node_stay(two: ControlPlaneWorld) -> None:
    await two.run_all(up_to(EnsureMarkControlPlane))
    node = two.cluster.objects[("Node", "127.0.0.1", "")]
    node["metadata"]["labels"]["disk"] = "ssd"
    foreign = {"key": "maintenance", "value": "", "effect": "NoExecute"}
    node["spec"] = {"taints": [foreign]}
    taint = {"key": "dedicated", "value": "tke", "effect": "NoSchedule"}
    two.para.machines[0].taints = [Taint(**taint)]
    two.para.machines[0].labels = {"zone": "a"}

    await two.run(EnsureMarkControlPlane())

    assert node["metadata"]["labels"] == {
        "kubernetes.io/hostname": "127.0.0.1",
        "disk": "ssd",
        "zone": "a",
        "node-role.kubernetes.io/master": "",
    }
    assert node["spec"]["taints"] == [foreign, taint]


def test_a_taint_patch_is_refused_when_somebody_else_was_faster() -> None:
    node = {"metadata": {"resourceVersion": "42", "labels": {}}, "spec": {}}

    patch = patch_for(node, {}, [{"key": "a", "value": "", "effect": "NoSchedule"}])

    assert patch["metadata"]["resourceVersion"] == "42"


# --- settings of the API server ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "server", "checked"),
    [
        ({"builtin": {}}, "https://127.0.0.1:31138/auth/authz", True),
        ({"external": {"ip": "10.9.9.9", "port": 8443}}, "https://10.9.9.9:8443/auth/authz", False),
    ],
)
async def test_defect_authorization_webhook_without_certificate_and_endpoint(
    address: dict[str, Any], server: str, checked: bool, tmp_path: Path, bundle: Bundle
) -> None:
    para = make_para(1)
    para.cluster.spec.features.authz_webhook_addr = AuthzWebhookAddr.model_validate(address)
    world = ControlPlaneWorld(tmp_path, bundle, para)

    await world.run(EnsureAuthzWebhook())

    settings = yaml.safe_load(world.first.text("/etc/kubernetes/tke-authz-webhook.yaml"))
    target = settings["clusters"][0]["cluster"]
    assert target["server"] == server
    assert ("certificate-authority-data" in target) is checked
    assert target.get("insecure-skip-tls-verify", False) is not checked
    assert world.first.text(settings["users"][0]["user"]["client-key"]) == "admin.key\n"


async def test_dry_run_of_the_whole_control_plane_on_bare_machines_touches_nothing(
    tmp_path: Path, bundle: Bundle
) -> None:
    world = ControlPlaneWorld(tmp_path, bundle, with_vip(3))
    before = {ip: machine.tree() for ip, machine in world.machines.items()}

    for kind in ORDER:
        task = kind()
        if task.left_out(world.para) is None:
            for machine in task.machines(world.para) or [world.para.first]:
                await world.run_on(task, machine, Mode.PLAN)

    assert {ip: machine.tree() for ip, machine in world.machines.items()} == before
    assert list(world.secrets) == []

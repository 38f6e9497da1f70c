"""Handlers that only speak to the Kubernetes API keep the contract of a task, and what they apply is right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.kube_apis import KINDS_OF_API, open_api
from tests.contract.kube_world import KubeWorld, full_bundle, kube_world, put_coredns
from tests.contract.world import make_para
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.context import Mode
from tke_tui.core.errors import BundleError, Fatal, NotReady
from tke_tui.core.handlers import (
    ensure_csi_operator,
    ensure_galaxy,
    ensure_gpu_manager,
    ensure_metrics_server,
    ensure_nvidia_device_plugin,
)
from tke_tui.core.handlers.ensure_clean_cluster_mark import EnsureCleanClusterMark
from tke_tui.core.handlers.ensure_create_cluster_mark import EnsureCreateClusterMark
from tke_tui.core.handlers.ensure_csi_operator import EnsureCSIOperator
from tke_tui.core.handlers.ensure_galaxy import EnsureGalaxy
from tke_tui.core.handlers.ensure_gpu_manager import EnsureGPUManager
from tke_tui.core.handlers.ensure_metrics_server import EnsureMetricsServer
from tke_tui.core.handlers.ensure_nvidia_device_plugin import EnsureNvidiaDevicePlugin
from tke_tui.core.kube_objects import label_of
from tke_tui.core.task import Task
from tke_tui.lab.kube.server import KubeServer

Object = dict[str, Any]
SPEC: dict[str, Any] = {"features": {"gpuType": "Virtual", "csiOperator": {}}}
MARK: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "tke", "namespace": "kube-system"},
}

HANDLERS = [
    EnsureGalaxy,
    EnsureNvidiaDevicePlugin,
    EnsureGPUManager,
    EnsureCSIOperator,
    EnsureMetricsServer,
    EnsureCreateClusterMark,
    EnsureCleanClusterMark,
]


@pytest.fixture
async def server() -> AsyncIterator[KubeServer]:
    async with KubeServer() as running:
        await put_coredns(running)
        yield running


@pytest.fixture
async def world(server: KubeServer, tmp_path: Path) -> AsyncIterator[KubeWorld]:
    async with KubeClient(server.url, server.ca_pem, token=server.token, first_pause=0.01) as client:
        yield kube_world(tmp_path, client, **SPEC)


@pytest.fixture(params=HANDLERS, ids=lambda handler: handler.__name__)
async def task(request: pytest.FixtureRequest, server: KubeServer) -> Task:
    made: Task = request.param()
    if isinstance(made, EnsureCleanClusterMark):
        await server.put(MARK)
    return made


async def is_done(world: KubeWorld, task: Task) -> bool:
    """Nothing left to do, by a second run and by the check."""
    again = await world.run(task)
    return again.changes == [] and await task.check(world.context(task, Mode.CHECK))


async def test_runs_then_has_nothing_left_to_do(world: KubeWorld, task: Task) -> None:
    assert not await task.check(world.context(task, Mode.CHECK))
    first = await world.run(task)
    assert first.changes
    assert await is_done(world, task)


async def test_the_plan_names_the_changes_and_makes_none(
    world: KubeWorld, server: KubeServer, task: Task
) -> None:
    before = server.store.version
    planned = await world.run(task, Mode.PLAN)
    assert planned.changes
    assert server.store.version == before
    done = await world.run(task)
    assert set(done.changes) <= set(planned.changes)


async def test_can_be_cancelled_at_any_write_and_started_again(
    world: KubeWorld, server: KubeServer, task: Task
) -> None:
    planned = await world.run(task, Mode.PLAN)
    writes = sum(1 for change in planned.changes if not change.startswith("wait"))
    for number in {1, (writes + 1) // 2}:
        server.hold(number)
        running = asyncio.create_task(world.run(task))
        await server.until(lambda: server.holding)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await world.run(task)
    assert await is_done(world, task)


async def test_can_fail_at_any_write_and_run_again(world: KubeWorld, server: KubeServer, task: Task) -> None:
    server.fail(403, path="(force=true|propagationPolicy=Background)$")
    with pytest.raises(Fatal, match="does not allow"):
        await world.run(task)
    await world.run(task)
    assert await is_done(world, task)


@pytest.mark.parametrize("handler", [h for h in HANDLERS if h is not EnsureCleanClusterMark])
async def test_can_be_planned_before_there_is_a_cluster(tmp_path: Path, handler: type[Task]) -> None:
    world = kube_world(tmp_path, None, **SPEC)
    planned = await world.run(handler(), Mode.PLAN)
    assert any(change.startswith("apply ") for change in planned.changes)
    assert not await handler().check(world.context(handler(), Mode.CHECK))


async def test_can_be_planned_while_the_api_server_is_down(world: KubeWorld, server: KubeServer) -> None:
    await server.stop()
    planned = await world.run(EnsureGalaxy(), Mode.PLAN)
    assert "apply DaemonSet kube-system/flannel" in planned.changes


# --- what is applied -----------------------------------------------------------------------------------------------


def everything(tmp_path: Path) -> list[Object]:
    para, bundle = make_para(1, **SPEC), full_bundle(tmp_path)
    modules = (
        ensure_galaxy,
        ensure_nvidia_device_plugin,
        ensure_gpu_manager,
        ensure_csi_operator,
        ensure_metrics_server,
    )
    return [obj for module in modules for obj in module.objects(para, bundle)]


def pod_specs(objects: list[Object]) -> Iterator[tuple[Object, Object]]:
    for obj in objects:
        if obj["kind"] in ("DaemonSet", "Deployment"):
            yield obj, obj["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", KINDS_OF_API)
async def test_the_api_server_accepts_every_object_and_sees_no_change_afterwards(
    kind: str, tmp_path: Path
) -> None:
    async with open_api(kind) as api:
        objects = everything(tmp_path)
        try:
            for obj in objects:
                assert await api.client.apply(obj) == "created", label_of(obj)
            differing = [label_of(obj) for obj in objects if await api.client.would_change(obj)]
            assert differing == []
        finally:
            for obj in objects:
                metadata = obj["metadata"]
                await api.client.delete(
                    obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace")
                )


def test_only_the_installer_of_storage_drivers_becomes_cluster_admin(tmp_path: Path) -> None:
    bindings = [o for o in everything(tmp_path) if o["kind"] == "ClusterRoleBinding"]
    admins = {b["metadata"]["name"] for b in bindings if b["roleRef"]["name"] == "cluster-admin"}
    assert admins == {"csi-operator-role-binding"}
    roles = {b["metadata"]["name"]: b["roleRef"]["name"] for b in bindings}
    assert roles["flannel"] == "flannel"
    assert roles["galaxy"] == "galaxy"


def test_every_pod_runs_on_a_tainted_master_too(tmp_path: Path) -> None:
    for obj, spec in pod_specs(everything(tmp_path)):
        tolerated = [t for t in spec["tolerations"] if t.get("effect") in (None, "NoSchedule")]
        keys = [t.get("key") for t in tolerated]
        assert None in keys or "node-role.kubernetes.io/master" in keys, label_of(obj)


def test_every_image_comes_from_the_installation_s_registry_with_the_tag_of_the_bundle(
    tmp_path: Path,
) -> None:
    para, bundle = make_para(1, **SPEC), full_bundle(tmp_path)
    for obj, spec in pod_specs(everything(tmp_path)):
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            prefix, _, image = container["image"].rpartition("/")
            name, _, tag = image.partition(":")
            assert prefix == para.registry_prefix, label_of(obj)
            assert tag == bundle.tag(name, para.cluster.spec.version)


def test_no_pod_sees_the_keys_of_the_cluster(tmp_path: Path) -> None:
    for obj, spec in pod_specs(everything(tmp_path)):
        paths = [v["hostPath"]["path"] for v in spec.get("volumes", []) if "hostPath" in v]
        assert not any(path.startswith("/etc/kubernetes") for path in paths), label_of(obj)


def test_every_mount_has_its_volume_and_every_service_a_backend(tmp_path: Path) -> None:
    objects = everything(tmp_path)
    labels = [o["spec"]["template"]["metadata"]["labels"] for o, _ in pod_specs(objects)]
    for obj, spec in pod_specs(objects):
        volumes = {v["name"] for v in spec.get("volumes", [])}
        mounts = {m["name"] for c in spec["containers"] for m in c.get("volumeMounts", [])}
        assert mounts == volumes, label_of(obj)
        accounts = {o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"}
        assert spec.get("serviceAccountName") is None or spec["serviceAccountName"] in accounts
    for obj in (o for o in objects if o["kind"] == "Service"):
        wanted = obj["spec"]["selector"].items()
        assert any(wanted <= found.items() for found in labels), label_of(obj)


def test_galaxy_configures_the_network_of_the_input(tmp_path: Path) -> None:
    para = make_para(1, clusterCIDR="172.20.0.0/16", networkDevice="bond0")
    objects = {label_of(o): o for o in ensure_galaxy.objects(para, full_bundle(tmp_path))}
    net_conf = json.loads(objects["ConfigMap kube-system/kube-flannel-cfg"]["data"]["net-conf.json"])
    assert net_conf == {"Network": "172.20.0.0/16", "Backend": {"Type": "vxlan"}}
    galaxy = json.loads(objects["ConfigMap kube-system/galaxy-etc"]["data"]["galaxy.json"])
    assert galaxy["DefaultNetworks"] == ["galaxy-flannel"]
    assert {n["device"] for n in galaxy["NetworkConf"] if "device" in n} == {"bond0"}
    cni = json.loads(objects["ConfigMap kube-system/cni-etc"]["data"]["00-galaxy.conf"])
    assert (cni["type"], cni["cniVersion"]) == ("galaxy-sdn", "0.2.0")
    [container] = objects["DaemonSet kube-system/galaxy-daemonset"]["spec"]["template"]["spec"]["containers"]
    script = container["args"][1]
    assert script.splitlines()[-1] == "exec /usr/bin/galaxy --logtostderr=true --v=3"
    for source in (
        "/etc/galaxy/cni/00-galaxy.conf",
        "/opt/cni/galaxy/bin/galaxy-sdn",
        "/opt/cni/galaxy/bin/loopback",
    ):
        assert source in script


async def test_another_pod_network_replaces_the_pods_of_flannel(world: KubeWorld, tmp_path: Path) -> None:
    assert world.client is not None
    await world.run(EnsureGalaxy())
    other = kube_world(tmp_path / "other", world.client, clusterCIDR="172.20.0.0/16")
    changed = await other.run(EnsureGalaxy())
    assert changed.changes == [
        "apply ConfigMap kube-system/kube-flannel-cfg",
        "apply DaemonSet kube-system/flannel",
    ]


async def test_galaxy_goes_on_after_somebody_created_half_of_its_objects(
    world: KubeWorld, server: KubeServer, tmp_path: Path
) -> None:
    for obj in ensure_galaxy.objects(world.para, world.bundle)[:5]:
        await server.put(obj)
    changed = await world.run(EnsureGalaxy())
    assert "apply ServiceAccount kube-system/flannel" not in changed.changes
    assert "apply DaemonSet kube-system/galaxy-daemonset" in changed.changes


async def test_galaxy_waits_for_its_pods_and_says_why_they_do_not_come(
    world: KubeWorld, server: KubeServer
) -> None:
    server.workload_status[("DaemonSet", "galaxy-daemonset")] = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 1,
        "updatedNumberScheduled": 1,
    }
    running = asyncio.create_task(world.run(EnsureGalaxy()))
    await server.until(lambda: server.watching >= 2)
    assert not running.done()
    await server.set_status(
        "DaemonSet",
        "galaxy-daemonset",
        "kube-system",
        {
            "observedGeneration": 1,
            "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1,
            "numberAvailable": 1,
        },
    )
    await running


def test_the_gpu_quota_service_has_the_address_that_the_schedulers_know(tmp_path: Path) -> None:
    para = make_para(1, clusterCIDR="192.168.0.0/16", **SPEC)
    objects = {label_of(o): o for o in ensure_gpu_manager.objects(para, full_bundle(tmp_path))}
    assert objects["Service kube-system/gpu-quota-admission"]["spec"]["clusterIP"] == "192.168.255.9"


@pytest.mark.parametrize(
    ("gpu_type", "included"),
    [("", set()), ("Physical", {"EnsureNvidiaDevicePlugin"}), ("Virtual", {"EnsureGPUManager"})],
)
def test_whole_cards_and_shared_cards_exclude_each_other(gpu_type: str, included: set[str]) -> None:
    para = make_para(1, features={"gpuType": gpu_type})
    tasks: list[Task] = [EnsureNvidiaDevicePlugin(), EnsureGPUManager()]
    assert {t.name for t in tasks if t.left_out(para) is None} == included


def test_a_csi_operator_that_the_bundle_lacks_is_refused(tmp_path: Path) -> None:
    bundle = full_bundle(tmp_path)
    with pytest.raises(BundleError, match=r"no csi-operator v9\.9"):
        ensure_csi_operator.image_tag(make_para(1, features={"csiOperator": {"version": "v9.9"}}), bundle)
    assert EnsureCSIOperator().left_out(make_para(1)) is not None


async def test_the_resizer_s_work_on_the_metrics_server_is_left_alone(
    world: KubeWorld, server: KubeServer
) -> None:
    await world.run(EnsureMetricsServer())
    found = server.find("Deployment", "metrics-server-v0.3.6", "kube-system")
    assert found is not None
    containers = found["spec"]["template"]["spec"]["containers"]
    next(c for c in containers if c["name"] == "metrics-server")["resources"] = {"limits": {"cpu": "90m"}}
    await server.put(found)
    assert (await world.run(EnsureMetricsServer())).changes == []


async def test_metrics_are_not_ready_before_the_api_server_reaches_them(
    world: KubeWorld, server: KubeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensure_metrics_server, "API_TIMEOUT", 0.3)
    server.api_services_available = False
    with pytest.raises(NotReady, match=r"APIService v1beta1\.metrics\.k8s\.io") as failure:
        await world.run(EnsureMetricsServer())
    assert "no response from" in failure.value.detail


async def test_the_mark_is_not_set_before_dns_works(world: KubeWorld, server: KubeServer) -> None:
    ready = (server.find("Deployment", "coredns", "kube-system") or {})["status"]
    await server.set_status("Deployment", "coredns", "kube-system", {**ready, "availableReplicas": 1})
    running = asyncio.create_task(world.run(EnsureCreateClusterMark()))
    await server.until(lambda: server.watching >= 2)
    assert server.find("ConfigMap", "tke", "kube-system") is None
    await server.set_status("Deployment", "coredns", "kube-system", ready)
    await running
    assert server.find("ConfigMap", "tke", "kube-system") is not None


async def test_a_network_of_somebody_else_is_not_waited_for(world: KubeWorld, server: KubeServer) -> None:
    changed = await world.run(EnsureCreateClusterMark())
    assert changed.changes == ["apply ConfigMap kube-system/tke"]
    assert server.find("DaemonSet", "galaxy-daemonset", "kube-system") is None

"""The cluster is made known to the platform: complete, without losing what the platform wrote, never deleted."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.contract.kube_apis import KINDS_OF_API, open_api
from tests.contract.platform_world import (
    PLATFORM_KINDS,
    apis_registered,
    namespace_there,
)
from tests.contract.steps_world import StepWorld
from tke_tui.core import platform_record, platform_resources
from tke_tui.core.errors import NotReady
from tke_tui.core.model.machine import Bastion
from tke_tui.core.platform_record import IMPORTED
from tke_tui.core.steps.import_resource import ImportResource

Object = dict[str, Any]
PLATFORM = "platform.tkestack.io/v1"


def decoded(secret: Object | None) -> dict[str, str]:
    assert secret is not None
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


CRD_SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definitions() -> list[Object]:
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.platform.tkestack.io"},
            "spec": {
                "group": "platform.tkestack.io",
                "scope": "Cluster",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": CRD_SCHEMA}}
                ],
            },
        }
        for kind, (plural, _) in PLATFORM_KINDS.items()
    ]


async def imported(world: StepWorld) -> tuple[Object, Object]:
    found = [
        world.api.store.get((PLATFORM, kind, "", name))
        for kind, name in (("Cluster", "global"), ("ClusterCredential", "cc-global"))
    ]
    assert found[0] is not None
    assert found[1] is not None
    return found[0], found[1]


async def test_the_platform_learns_the_cluster_its_state_and_its_credentials(world: StepWorld) -> None:
    await apis_registered(world)
    world.done |= {
        ("EnsureDocker", "127.0.0.1"),
        ("EnsureDocker", "127.0.0.2"),
        ("EnsureKubelet", "127.0.0.1"),
    }
    world.para.cluster.spec.features.skip_conditions = ["EnsureSysctl"]
    await world.run(ImportResource())
    cluster, credential = await imported(world)
    assert cluster["spec"]["clusterCredentialRef"] == {"name": "cc-global"}
    assert [machine["ip"] for machine in cluster["spec"]["machines"]] == ["127.0.0.1", "127.0.0.2"]
    assert cluster["spec"]["finalizers"] == ["cluster"]
    status = cluster["status"]
    assert status["phase"] == "Running"
    assert status["addresses"][1] == {"type": "Real", "host": "127.0.0.2", "port": 6443, "path": ""}
    assert (status["serviceCIDR"], status["dnsIP"]) == ("10.244.255.0/24", "10.244.255.10")
    conditions = {one["type"]: one for one in status["conditions"]}
    assert conditions["EnsureDocker"]["status"] == "True"
    assert conditions["EnsureSysctl"]["reason"] == "Skip"
    assert "EnsureKubelet" not in conditions, "it did not end well on every machine"
    annotations = cluster["metadata"]["annotations"]
    assert annotations["platform.tkestack.io/gpu-quota-admission-ip"] == "10.244.255.9"
    assert (credential["tenantID"], credential["clusterName"]) == ("default", "global")
    assert base64.b64decode(credential["etcdCAKey"]).startswith(b"-----BEGIN RSA PRIVATE KEY")
    assert credential["bootstrapToken"] == "secret of cluster/bootstrap-token"


async def test_logins_that_only_this_installer_knows_are_not_handed_over_and_nothing_secret_is_logged(
    world: StepWorld,
) -> None:
    await apis_registered(world)
    world.para.machines[0].bastion = Bastion(ip="10.9.9.9")
    world.para.machines[0].host_key = "SHA256:abc"
    await world.run(ImportResource())
    cluster, credential = await imported(world)
    assert not {"bastion", "hostKey", "sudoPassword"} & set(cluster["spec"]["machines"][0])
    assert credential["caKey"] not in world.logged()
    assert credential["token"] not in world.logged()


async def test_the_cluster_is_updated_in_place_and_never_deleted_and_created_again(world: StepWorld) -> None:
    await apis_registered(world)
    await world.run(ImportResource())
    before = await imported(world)
    world.secrets.update({"cluster/bootstrap-token": "another.token"})
    world.para.cluster.spec.features.ipvs = True
    changed = await world.run(ImportResource())
    after = await imported(world)
    assert changed.changes == ["update ClusterCredential cc-global", "update Cluster global"]
    assert [one["metadata"]["uid"] for one in after] == [one["metadata"]["uid"] for one in before]
    assert after[0]["spec"]["features"]["ipvs"] is True
    assert after[1]["bootstrapToken"] == "another.token"
    assert world.api.asked("DELETE") == 0


async def test_what_the_platform_writes_into_the_cluster_stays(world: StepWorld) -> None:
    await apis_registered(world)
    await world.run(ImportResource())
    cluster, _ = await imported(world)
    cluster["status"]["phase"] = "Upgrading"
    cluster["spec"]["version"] = "1.21.1"
    cluster["spec"]["machines"] = [*cluster["spec"]["machines"], {"ip": "127.0.0.3"}]
    for machine in cluster["spec"]["machines"]:
        machine.pop("password", None)
    await world.api.put(cluster)
    assert (await world.run(ImportResource())).changes == []
    world.para.cluster.spec.features.ipvs = True
    await world.run(ImportResource())
    after, _ = await imported(world)
    assert after["status"]["phase"] == "Upgrading"
    assert after["spec"]["version"] == "1.21.1"
    assert len(after["spec"]["machines"]) == 3, "fewer machines would make the platform remove masters"


async def test_an_existing_cluster_of_the_name_is_taken_over_and_not_replaced(world: StepWorld) -> None:
    await apis_registered(world)
    spec = platform_resources.cluster(world.para)["spec"] | {"displayName": "theirs"}
    mine = await world.api.put(
        {"apiVersion": PLATFORM, "kind": "Cluster", "metadata": {"name": "global"}, "spec": spec}
    )
    await world.run(ImportResource())
    after, _ = await imported(world)
    assert after["metadata"]["uid"] == mine["metadata"]["uid"]
    assert after["metadata"]["annotations"][IMPORTED]
    assert after["spec"]["displayName"] == "TKE"


async def test_a_platform_that_does_not_list_clusters_is_not_ready_and_says_why(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await namespace_there(world)
    monkeypatch.setattr(platform_record, "TIMEOUT", 0.3)
    with pytest.raises(NotReady, match="did not list clusters") as failure:
        await world.run(ImportResource())
    assert "HTTP 404" in failure.value.detail


async def test_the_import_on_a_real_api_server_creates_updates_and_keeps(world: StepWorld) -> None:
    await apis_registered(world)
    async with open_api(KINDS_OF_API[1]) as api:
        for definition in definitions():
            await api.client.apply(definition)
        world.use_kube(api.client)
        try:
            first = await world.run(ImportResource())
            assert [change.partition(" ")[0] for change in first.changes] == ["import", "import"]
            assert (await world.run(ImportResource())).changes == []
            before = await api.client.get(PLATFORM, "Cluster", "global")
            world.para.cluster.spec.features.ipvs = True
            assert (await world.run(ImportResource())).changes == ["update Cluster global"]
            after = await api.client.get(PLATFORM, "Cluster", "global")
            assert before is not None
            assert after is not None
            assert after["metadata"]["uid"] == before["metadata"]["uid"]
            assert after["status"] == before["status"]
            assert after["spec"]["machines"] == before["spec"]["machines"]
        finally:
            for definition in definitions():
                await api.client.delete(
                    definition["apiVersion"], definition["kind"], definition["metadata"]["name"]
                )

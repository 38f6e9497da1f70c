"""The platform's record of a cluster follows what an update made of it, and is never an order to the platform."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.contract.platform_world import imported_before
from tests.contract.steps_world import StepWorld
from tests.contract.update_world import NEWER
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.kube_errors import ApiConflict
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.platform_resources import HELD
from tke_tui.core.steps.hold_platform import HoldPlatform
from tke_tui.core.steps.import_resource import ImportResource
from tke_tui.core.steps.update_resource import UpdateResource
from tke_tui.lab.bundle import KUBERNETES

Object = dict[str, Any]
PLATFORM = "platform.tkestack.io/v1"
KEY = (PLATFORM, "Cluster", "", "global")
NAME = "api.example.com"


def record(world: StepWorld) -> Object:
    found = world.api.store.get(KEY)
    assert found is not None
    return found


def addresses(world: StepWorld) -> list[tuple[str, str, int]]:
    return [(one["type"], one["host"], one["port"]) for one in record(world)["status"]["addresses"]]


async def rewritten(world: StepWorld, **status: Any) -> Object:
    """As the platform writes into the status of its record."""
    cluster = record(world)
    return await world.api.put(cluster | {"status": cluster["status"] | status})


async def test_the_record_has_the_machines_version_names_arguments_and_addresses_of_now(
    world: StepWorld,
) -> None:
    await imported_before(
        world, version=NEWER, publicAlternativeNames=[NAME], apiServerExtraArgs={"event-ttl": "2h"}
    )
    world.para.config.ha = HA.model_validate({"tke": {"vip": "127.0.0.100"}})
    world.para = apply_defaults(world.para, (KUBERNETES, NEWER))
    done = await world.run(UpdateResource())
    assert done.changes == [
        f"write into Cluster global: machine 127.0.0.2, version {NEWER}",
        "write into the status of Cluster global: Real address 127.0.0.2:6443, "
        f"Advertise address 127.0.0.100:6443, version {NEWER}",
    ]
    spec, status = record(world)["spec"], record(world)["status"]
    assert [machine["ip"] for machine in spec["machines"]] == ["127.0.0.1", "127.0.0.2"]
    assert (spec["version"], status["version"]) == (NEWER, NEWER)
    assert spec["publicAlternativeNames"] == [NAME]
    assert spec["apiServerExtraArgs"] == {"event-ttl": "2h"}
    assert spec["features"]["ha"] == {"tke": {"vip": "127.0.0.100"}}
    assert spec["finalizers"] == ["cluster"]
    assert ("Advertise", "127.0.0.100", 6443) in addresses(world)
    assert status["phase"] == "Running", (
        "any other would make the platform scale or upgrade the cluster itself"
    )
    assert status["conditions"] is not None


async def test_another_way_to_write_it_would_be_an_order_to_the_platform_or_refused(world: StepWorld) -> None:
    await imported_before(world, apiServerExtraArgs={"v": "4"})
    kube = await world.kube()
    with pytest.raises(Fatal, match="refuses"):
        await kube.patch(PLATFORM, "Cluster", "global", {"spec": {"apiServerExtraArgs": {"v": "4"}}})
    await kube.patch(PLATFORM, "Cluster", "global", {"spec": {"version": NEWER}})
    assert record(world)["status"]["phase"] == "Upgrading"
    await kube.patch(PLATFORM, "Cluster", "global", {"spec": {"machines": []}})
    assert record(world)["status"]["phase"] == "Downscaling"


async def test_what_an_update_takes_away_is_taken_out_of_the_record(world: StepWorld) -> None:
    await imported_before(world, publicAlternativeNames=[NAME], kubeletExtraArgs={"v": "4", "max-pods": "64"})
    await world.run(UpdateResource())
    world.para.cluster.spec.public_alternative_names = []
    world.para.cluster.spec.kubelet_extra_args = {"v": "4"}
    done = await world.run(UpdateResource())
    assert done.changes == ["write into Cluster global: the changed settings"]
    spec = record(world)["spec"]
    assert not spec.get("publicAlternativeNames")
    assert spec["kubeletExtraArgs"] == {"v": "4"}
    assert (await world.run(UpdateResource())).changes == []


async def test_what_only_the_platform_knows_stays(world: StepWorld) -> None:
    await imported_before(world)
    cluster = record(world)
    cluster["spec"]["machines"].append({"ip": "127.0.0.9", "username": "root"})
    cluster["spec"]["annotation-of-theirs"] = "kept"
    await world.api.put(cluster)
    public = {"type": "Public", "host": "api.example.com", "port": 443}
    await rewritten(world, addresses=[*cluster["status"]["addresses"], public], registryIPs=["127.0.0.1"])
    await world.run(UpdateResource())
    after = record(world)
    assert [one["ip"] for one in after["spec"]["machines"]] == ["127.0.0.1", "127.0.0.2", "127.0.0.9"]
    assert after["spec"]["annotation-of-theirs"] == "kept"
    assert after["status"]["registryIPs"] == ["127.0.0.1"]
    assert addresses(world) == [
        ("Real", "127.0.0.1", 6443),
        ("Public", "api.example.com", 443),
        ("Real", "127.0.0.2", 6443),
    ]


async def test_a_record_that_was_left_behind_is_mended(world: StepWorld) -> None:
    """As by an update that did not write machines: what was written last is known, and yet they are not there."""
    await imported_before(world)
    await world.run(ImportResource())
    assert len(record(world)["spec"]["machines"]) == 1
    done = await world.run(UpdateResource())
    assert done.changes[0] == "write into Cluster global: machine 127.0.0.2"
    assert len(record(world)["spec"]["machines"]) == 2


async def test_the_import_finds_nothing_to_do_after_it(world: StepWorld) -> None:
    await imported_before(world, version=NEWER)
    await world.run(UpdateResource())
    assert (await world.run(ImportResource())).changes == []


async def test_a_cluster_that_the_platform_does_not_know_is_imported(world: StepWorld) -> None:
    await imported_before(world)
    world.api.store.remove(KEY)
    done = await world.run(UpdateResource())
    assert done.changes == ["import Cluster global"]
    assert record(world)["status"]["phase"] == "Running"


async def test_nothing_is_written_while_the_platform_itself_changes_the_cluster(world: StepWorld) -> None:
    await imported_before(world, version=NEWER)
    before = await rewritten(world, phase="Upscaling")
    for task in (HoldPlatform(), UpdateResource()):
        assert (await world.run(task, Mode.PLAN)).changes != []
        with pytest.raises(NotReady, match="The platform itself is at work on Cluster global") as failure:
            await world.run(task)
        assert failure.value.detail == "its phase is Upscaling"
        assert failure.value.fix
    assert record(world) == before


async def test_the_platform_is_held_back_until_its_record_has_the_new_version(world: StepWorld) -> None:
    await imported_before(world, version=NEWER)
    assert (await world.run(HoldPlatform())).changes == [f"set the phase of Cluster global to {HELD}"]
    assert record(world)["status"]["phase"] == HELD
    assert record(world)["spec"]["version"] == KUBERNETES
    done = await world.run(UpdateResource())
    assert done.changes[-1].endswith(f"version {NEWER}, phase Running")
    assert record(world)["status"]["phase"] == "Running"
    assert (await world.run(HoldPlatform())).changes == [], "the new version is in the record"


async def test_a_platform_that_changes_its_record_at_the_same_moment_is_not_written_over(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported_before(world)

    kube = KubeClient(world.api.url, world.api.ca_pem, token=world.api.token, first_pause=0.01)
    world.use_kube(kube)
    get = kube.get

    async def too_slow(api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        found = await get(api_version, kind, name, namespace)
        if kind == "Cluster":
            await rewritten(world, reason="something")
        return found

    monkeypatch.setattr(kube, "get", too_slow)
    async with kube:
        with pytest.raises(ApiConflict):
            await world.run(UpdateResource())
    assert len(record(world)["spec"]["machines"]) == 1


async def test_logins_are_in_the_record_and_nowhere_else(world: StepWorld) -> None:
    password = base64.b64encode(b"open sesame 42").decode()
    machines = [{"ip": f"127.0.0.{n}", "username": "root", "password": password} for n in (1, 2)]
    await imported_before(world, machines=machines)
    done = await world.run(UpdateResource())
    assert [machine["password"] for machine in record(world)["spec"]["machines"]] == [password] * 2
    told = world.logged() + repr(done.changes)
    assert "open sesame" not in told
    assert password not in told

"""From the installer's registry to the platform's own: images stay reachable, and nothing is ever turned back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.contract.platform_world import gateway_up, give_gateway
from tests.contract.steps_world import IMAGES, StepWorld
from tke_tui.core import pki
from tke_tui.core.adapters.registry_errors import RegistryAuthFailed, RegistryTlsFailed, RegistryUnavailable
from tke_tui.core.bundle import Bundle
from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, Unreachable
from tke_tui.core.handlers.ensure_kubernetes_images import references
from tke_tui.core.handlers.ensure_registry_hosts import EnsureRegistryHosts
from tke_tui.core.handover import RECORD
from tke_tui.core.images import ImageRef
from tke_tui.core.model.config import ThirdPartyRegistry
from tke_tui.core.model.fields import reveal, secret
from tke_tui.core.probes.installer import InstallerPorts
from tke_tui.core.steps import prepare_push_images_to_tke_registry as prepare_module
from tke_tui.core.steps.install_tke_gateway import InstallTKEGateway
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.prepare_images import PrepareImages
from tke_tui.core.steps.prepare_push_images_to_tke_registry import PreparePushImagesToTKERegistry
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.push_images_to_registry import PushImagesToRegistry
from tke_tui.core.steps.set_global_cluster_hosts import SetGlobalClusterHosts
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.core.steps.stop_local_registry import StopLocalRegistry
from tke_tui.core.task import Task
from tke_tui.lab.bundle import add_images
from tke_tui.lab.registry import Fault, RegistryServer

GATEWAY_IMAGE = "registry.tke.com/library/tke-gateway:v1.3.0"


def local_hosts(world: StepWorld) -> list[str]:
    return world.options.hosts_file.read_text().splitlines()


# --- room for the gateway ------------------------------------------------------------------------------------------


async def test_every_machine_gets_the_gateway_s_image_also_when_it_is_there_before(world: StepWorld) -> None:
    give_gateway(world)
    task = PrepareImages()
    assert task.machines(world.para) == list(world.para.machines)
    world.machines["127.0.0.2"].facts["images"] = {GATEWAY_IMAGE}
    for machine in world.para.machines:
        await task.run(world.context(task, machine=machine))
    assert all(GATEWAY_IMAGE in machine.facts["images"] for machine in world.machines.values())
    assert world.machines["127.0.0.2"].ran("docker", "pull") == 0


async def test_a_machine_that_cannot_pull_says_why_and_keeps_the_registry_running(world: StepWorld) -> None:
    give_gateway(world)
    world.first.facts["pull_errors"] = {GATEWAY_IMAGE: "no space left on device"}
    with pytest.raises(Fatal, match=r"127\.0\.0\.1: .*tke-gateway.* cannot be pulled") as failure:
        await world.run(PrepareImages())
    assert "disk is full" in failure.value.detail
    waits_for = {need.task for need in StopLocalRegistry.needs}
    assert {
        "Prepare images before stop local registry",
        "Push images",
        "Install tke-registry-api",
    } <= waits_for


@pytest.mark.parametrize("step", [PrepareImages, StopLocalRegistry])
def test_room_is_only_made_for_a_gateway_on_this_very_host(
    world: StepWorld, step: type[PrepareImages | StopLocalRegistry]
) -> None:
    assert step().left_out(world.para) == "Config.gateway is not given"
    give_gateway(world)
    assert step().left_out(world.para) is None
    for number, machine in enumerate(world.para.machines, 1):
        machine.ip = f"198.51.100.{number}"
    assert "does not run on one of the machines" in (step().left_out(world.para) or "")


async def test_only_containers_of_this_installation_are_removed(world: StepWorld) -> None:
    give_gateway(world)
    world.load()
    await world.run(SetupLocalRegistry())
    foreign = {"Id": "f00", "Config": {"Image": "registry:2", "Labels": {}}, "HostConfig": {}, "State": {}}
    world.engine.containers["registry-https"] = foreign
    await world.run(StopLocalRegistry())
    assert set(world.engine.containers) == {"registry-https"}
    assert "registry-https is not of this installation" in world.logged()


async def test_a_plan_for_bare_machines_shows_that_the_registry_will_be_stopped(world: StepWorld) -> None:
    give_gateway(world)
    planned = await world.run(StopLocalRegistry(), Mode.PLAN)
    assert planned.changes == ["remove the container registry-http", "remove the container registry-https"]


async def test_the_stopped_registry_is_not_started_again_by_a_resume(world: StepWorld) -> None:
    give_gateway(world)
    world.load()
    await world.run(SetupLocalRegistry())
    await world.run(StopLocalRegistry())
    world.done.add((StopLocalRegistry.name, ""))
    assert (await world.run(SetupLocalRegistry())).changes == []
    assert (await world.run(PushImages())).changes == []
    assert world.engine.containers == {}


# --- login, trust, push --------------------------------------------------------------------------------------------


async def test_this_host_finds_and_trusts_the_platform_s_registry(world: StepWorld) -> None:
    server = await gateway_up(world)
    world.options.hosts_file.write_text("127.0.0.1 localhost\n127.0.0.1 registry.tke.com # tke-tui\n")
    for machine in world.para.machines:
        machine.ip = machine.ip.replace("127.0.0.", "127.0.1.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_module, "READY_TIMEOUT", 0.3)
        with pytest.raises(RegistryUnavailable):
            await world.run(PreparePushImagesToTKERegistry())
    assert local_hosts(world) == [
        "127.0.0.1 localhost",
        "127.0.1.1 registry.tke.com # tke-tui",
        "127.0.1.1 default.registry.tke.com # tke-tui",
    ]
    path = world.options.docker_certs_dir / f"registry.tke.com:{server.port}" / "ca.crt"
    assert path.read_text() == (world.directory.pki / "ca.crt").read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o022 == 0


async def test_names_that_only_look_like_the_registry_s_and_other_lines_stay(world: StepWorld) -> None:
    await gateway_up(world)
    text = (
        "10.9.9.9 registry.tke.com.cn other # mine\n#127.0.0.1 registry.tke.com\n127.0.0.1 registryxtke.com"
    )
    world.options.hosts_file.write_text(text)
    for _ in range(2):
        await world.run(PreparePushImagesToTKERegistry())
    lines = local_hosts(world)
    assert lines[:3] == text.splitlines()
    assert lines[3:] == [
        "127.0.0.1 registry.tke.com # tke-tui",
        "127.0.0.1 default.registry.tke.com # tke-tui",
    ]


async def test_a_wrong_login_is_named_and_the_password_is_nowhere(world: StepWorld) -> None:
    server = await gateway_up(world)
    server.password = "another one"
    with pytest.raises(RegistryAuthFailed, match="refused the login of admin") as failure:
        await world.run(PreparePushImagesToTKERegistry())
    registry = world.para.config.registry.tke
    assert registry is not None
    registry.password = secret("s3cret-pass-word")
    with pytest.raises(RegistryAuthFailed) as failure:
        await world.run(PreparePushImagesToTKERegistry())
    assert "s3cret-pass-word" not in str(failure.value) + world.logged()


async def test_a_gateway_that_has_not_noticed_the_registry_yet_is_waited_for(world: StepWorld) -> None:
    server = await gateway_up(world)
    server.faults.append(Fault("GET", "/v2/", 502, times=2))
    await world.run(PreparePushImagesToTKERegistry())
    assert len([path for path in server.made("GET") if path == "/v2/"]) >= 4


async def test_a_gateway_with_another_certificate_is_not_trusted_unless_its_ca_lies_there(
    world: StepWorld,
) -> None:
    server = await gateway_up(world)
    right = world.directory.pki / "ca.crt"
    theirs = right.read_text()
    right.write_text(pki.make_ca("another").cert_pem)
    with pytest.raises(RegistryTlsFailed):
        await world.run(PreparePushImagesToTKERegistry())
    (world.options.docker_certs_dir / f"registry.tke.com:{server.port}" / "company.crt").write_text(theirs)
    await world.run(PreparePushImagesToTKERegistry())


async def test_all_images_and_lists_arrive_in_the_platform_s_registry(world: StepWorld) -> None:
    server = await gateway_up(world)
    await world.run(PreparePushImagesToTKERegistry())
    before = set(world.engine.tags)
    await world.run(PushImagesToRegistry())
    assert {"library/etcd", "library/etcd-arm64", "library/gpu-manager", "library/registry-amd64"} <= {
        name for name, _ in server.manifests
    }
    assert set(world.engine.tags) == before
    assert world.progress[-1][:2] == (len(IMAGES), len(IMAGES))
    registry = world.para.config.registry.tke
    assert registry is not None
    assert reveal(registry.password) not in "".join(world.engine.requests)


async def test_docker_without_the_ca_cannot_push_and_that_is_an_error(world: StepWorld) -> None:
    await gateway_up(world)
    with pytest.raises(Fatal, match=r"registry\.tke\.com:\d+/library/"):
        await world.run(PushImagesToRegistry())


def test_with_an_existing_registry_nothing_is_handed_over(world: StepWorld) -> None:
    give_gateway(world)
    steps = (PreparePushImagesToTKERegistry(), PushImagesToRegistry(), SetGlobalClusterHosts())
    assert [step.left_out(world.para) for step in steps] == [None, None, None]
    world.para.config.registry.third_party = ThirdPartyRegistry(domain="r.example", namespace="n")
    for step in steps:
        assert step.left_out(world.para) == "images stay in an existing registry"


def test_without_a_gateway_the_machines_go_on_pulling_from_the_installer(world: StepWorld) -> None:
    for step in (PreparePushImagesToTKERegistry(), PushImagesToRegistry(), SetGlobalClusterHosts()):
        assert "only the gateway leads to" in (step.left_out(world.para) or "")


# --- names on the machines -----------------------------------------------------------------------------------------


async def test_every_machine_leaves_the_installer_and_one_that_is_down_does_not_hold_up_the_others(
    world: StepWorld,
) -> None:
    await gateway_up(world)
    world.down["127.0.0.1"] = Unreachable("127.0.0.1 is down")
    with pytest.raises(Unreachable, match="is down"):
        await world.run(SetGlobalClusterHosts())
    second = world.machines["127.0.0.2"].text("/etc/hosts")
    assert second.splitlines() == [
        "127.0.0.1 localhost",
        "127.0.0.1 registry.tke.com # tke-tui",
        "127.0.0.1 default.registry.tke.com # tke-tui",
    ]
    assert not (world.directory.root / RECORD).exists()
    world.down.clear()
    await world.run(SetGlobalClusterHosts())
    assert "198.51.100.1" not in world.first.text("/etc/hosts")


async def handed_over(world: StepWorld, *, on_machine: bool) -> RegistryServer:
    """As at the end of an installation, by the engine's own record of it."""
    server = await gateway_up(world)
    steps: list[Task] = [PreparePushImagesToTKERegistry(), PushImagesToRegistry(), SetGlobalClusterHosts()]
    if on_machine:
        steps.insert(0, StopLocalRegistry())
    for task in steps:
        await world.run(task)
        world.done.add((task.name, ""))
    return server


@pytest.mark.parametrize("on_machine", [True, False])
async def test_what_a_bundle_of_another_kubernetes_brings_goes_where_the_machines_pull_it(
    world: StepWorld, on_machine: bool
) -> None:
    server = await handed_over(world, on_machine=on_machine)
    path = world.bundle.root / "manifest.json"
    document = json.loads(path.read_text())
    document["kubernetes"] = [{**document["kubernetes"][0], "version": "1.20.3", "etcd": "v3.4.24"}]
    path.write_text(json.dumps(document))
    world.para.cluster.spec.version = "1.20.3"
    world.bundle = Bundle.open(world.bundle.root)
    pulled = [ImageRef.parse(one) for one in references(world.para, world.bundle)]
    entries = tuple(f"{one.path.removeprefix('library/')}-amd64:{one.tag}" for one in pulled)
    world.images = add_images(world.bundle, entries)
    world.bundle = Bundle.open(world.bundle.root)

    world.options.hosts_file.write_text("127.0.0.1 localhost\n")
    for task in (LoadImages(), SetupLocalRegistry(), PushImages()):
        await world.run(task)
    assert {(one.path, one.tag) for one in pulled} <= server.manifests.keys()
    assert world.engine.containers == {}, "nobody needs the installer's registry any more"
    assert "127.0.0.1 registry.tke.com # tke-tui" in local_hosts(world)
    assert (await world.run(PushImages())).changes == []
    assert (await world.run(PushImagesToRegistry())).changes == []


async def test_a_registry_of_the_platform_that_is_away_stops_an_upgrade_before_the_machines_turn(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await handed_over(world, on_machine=True)
    await server.stop()
    monkeypatch.setattr(prepare_module, "READY_TIMEOUT", 0.3)
    with pytest.raises(RegistryUnavailable, match=r"registry\.tke\.com") as failure:
        await world.run(PushImages())
    assert failure.value.fix
    planned = await world.run(PushImages(), Mode.PLAN)
    assert planned.changes == [f"push {len(IMAGES)} images to registry.tke.com"]


async def test_the_gateway_is_not_replaced_before_its_new_image_came_through_the_old_one(
    world: StepWorld,
) -> None:
    await handed_over(world, on_machine=False)
    await world.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    world.machines["127.0.0.2"].facts["pull_errors"] = {GATEWAY_IMAGE: "no space left on device"}
    with pytest.raises(Fatal, match=r"127\.0\.0\.2: .*tke-gateway.* cannot be pulled"):
        await world.run(InstallTKEGateway())
    assert world.api.find("DaemonSet", "tke-gateway", NAMESPACE) is None
    world.machines["127.0.0.2"].facts["pull_errors"] = {}
    changes = (await world.run(InstallTKEGateway())).changes
    pulled = [change for change in changes if change.startswith("pull ")]
    assert changes[: len(pulled)] == pulled
    assert all(GATEWAY_IMAGE in machine.facts["images"] for machine in world.machines.values())
    assert world.api.find("DaemonSet", "tke-gateway", NAMESPACE)


async def test_names_are_not_turned_back_when_everything_is_gone_through_again(world: StepWorld) -> None:
    """--force forgets what ended well; the record and the registry that answers are what tells."""
    await gateway_up(world)
    await world.run(StopLocalRegistry())
    await world.run(PreparePushImagesToTKERegistry())
    await world.run(PushImagesToRegistry())
    await world.run(SetGlobalClusterHosts())
    assert world.done == set()
    before = world.snapshot()
    for task in (SetupLocalRegistry(), PushImages(), EnsureRegistryHosts()):
        assert (await world.run(task)).changes == [], task.name
    assert world.snapshot() == before


async def test_the_gateway_on_its_ports_is_no_fault_of_this_host(world: StepWorld) -> None:
    server = await gateway_up(world)
    world.options = replace(world.options, registry_https_port=server.port)
    context = world.context(SetupLocalRegistry(), Mode.CHECK)
    found = await InstallerPorts().findings(context, [])
    assert [finding.severity for finding in found] == ["ok", "error"]
    await world.run(StopLocalRegistry())
    assert await InstallerPorts().findings(context, []) == []


async def test_machines_that_were_set_up_anew_get_the_installer_s_registry_again(world: StepWorld) -> None:
    server = await gateway_up(world)
    await world.run(StopLocalRegistry())
    await world.run(SetGlobalClusterHosts())
    await server.stop()
    assert (await world.run(SetupLocalRegistry())).changes
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    assert (await world.run(EnsureRegistryHosts())).changes


async def test_the_record_counts_only_for_the_registry_it_was_written_for(world: StepWorld) -> None:
    await gateway_up(world)
    await world.run(StopLocalRegistry())
    await world.run(SetGlobalClusterHosts())
    registry = world.para.config.registry.tke
    assert registry is not None
    registry.domain = "images.example.com"
    world.load()
    assert (await world.run(SetupLocalRegistry())).changes


async def test_a_half_written_record_is_no_record(world: StepWorld) -> None:
    await gateway_up(world)
    (world.directory.root / RECORD).write_text("{")
    world.first.put("/etc/hosts", "127.0.0.1 localhost\n")
    assert (await world.run(EnsureRegistryHosts())).changes

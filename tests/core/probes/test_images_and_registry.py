"""What would only fail in the middle is found before anything is changed: a missing image, a wrong password."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import World
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import ExitCode
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.fields import encode_base64
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.needed_images import needed_images
from tke_tui.core.probes import Finding, run_probes
from tke_tui.core.probes.bundle_images import BundleImages
from tke_tui.core.probes.registry_login import RegistryLogin
from tke_tui.core.steps.component import InstallComponent
from tke_tui.core.steps.preflight import Preflight, verdict
from tke_tui.lab.bundle import make_packages, whole
from tke_tui.lab.commands.probes import healthy
from tke_tui.lab.registry import Fault, RegistryServer

FIRST = "192.168.7.1"


def para_of(spec: dict[str, Any] | None = None, **config: Any) -> CreateClusterPara:
    document = {
        "cluster": {"spec": {"machines": [{"ip": FIRST, "username": "root"}], **(spec or {})}},
        "Config": {"auth": {"tke": {}}, "registry": {"tke": {}}, **config},
    }
    return apply_defaults(CreateClusterPara.model_validate(document), ("1.20.2",))


class Engine:
    async def info(self) -> dict[str, Any]:
        return {}


def world_of(tmp_path: Path, bundle: Bundle, para: CreateClusterPara) -> World:
    world = World(tmp_path, bundle, para)
    world.adapters["docker"] = Engine()
    healthy(world.first, 0)
    return world


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    root = tmp_path / "bundle"
    root.mkdir()
    return whole(make_packages(root))


def without(bundle: Bundle, *images: str) -> Bundle:
    contents = [entry for entry in bundle.manifest.contents if not entry.startswith(images)]
    return Bundle(bundle.root, bundle.manifest.model_copy(update={"contents": contents}))


async def of_images(world: World) -> list[Finding]:
    return await run_probes(world.context(Preflight(), Mode.CHECK), (BundleImages(),))


async def of_login(world: World) -> list[Finding]:
    return await run_probes(world.context(Preflight(), Mode.CHECK), (RegistryLogin(),))


async def test_a_whole_bundle_has_what_the_input_needs(tmp_path: Path, bundle: Bundle) -> None:
    world = world_of(tmp_path, bundle, para_of({"features": {"gpuType": "Virtual", "csiOperator": {}}}))
    assert [finding.severity for finding in await of_images(world)] == ["ok"]


async def test_every_missing_image_is_named_and_only_what_this_input_uses_counts(
    tmp_path: Path, bundle: Bundle
) -> None:
    lacking = without(bundle, "flannel", "kube-proxy", "gpu-manager", "keepalived")
    found = await of_images(world_of(tmp_path, lacking, para_of()))
    assert {finding.severity for finding in found} == {"error"}
    assert [finding.message for finding in found] == [
        "the bundle has no image flannel:v0.10.0 for amd64",
        "the bundle has no image kube-proxy:v1.20.2 for amd64",
    ]
    error = verdict(found)
    assert error is not None
    assert error.exit_code is ExitCode.PREFLIGHT


async def test_an_image_without_a_tag_in_the_manifest_is_missing_and_no_crash(
    tmp_path: Path, bundle: Bundle
) -> None:
    tags = {name: tag for name, tag in bundle.manifest.images.items() if name != "galaxy"}
    bare = Bundle(bundle.root, bundle.manifest.model_copy(update={"images": tags}))
    [found] = await of_images(world_of(tmp_path, bare, para_of()))
    assert "no image galaxy for amd64" in found.message


async def test_an_image_must_be_there_for_the_architecture_of_each_machine(
    tmp_path: Path, bundle: Bundle
) -> None:
    both = bundle.manifest.model_copy(update={"architectures": ["amd64", "arm64"]})
    world = world_of(tmp_path, Bundle(bundle.root, both), para_of())
    assert [finding.severity for finding in await of_images(world)] == ["ok"]
    world.first.facts["arch"] = "aarch64"
    found = await of_images(world)
    assert "flannel:v0.10.0 for arm64" in "\n".join(finding.message for finding in found)


async def test_an_image_that_exists_for_one_architecture_only_carries_none_in_its_name(
    tmp_path: Path, bundle: Bundle
) -> None:
    contents = [*without(bundle, "gpu-manager").manifest.contents, "gpu-manager:v1.0.4"]
    single = Bundle(bundle.root, bundle.manifest.model_copy(update={"contents": contents}))
    world = world_of(tmp_path, single, para_of({"features": {"gpuType": "Virtual"}}))
    assert [finding.severity for finding in await of_images(world)] == ["ok"]


def test_nothing_is_needed_from_the_bundle_when_the_registry_has_it_or_loading_is_skipped(
    bundle: Bundle,
) -> None:
    official = {"thirdParty": {"domain": "docker.io", "namespace": "tkestack"}}
    assert needed_images(para_of(registry=official), bundle) == []
    assert needed_images(para_of(skipSteps=["Load images"]), bundle) == []


@pytest.mark.parametrize("gpu_type", ["Physical", "Virtual"])
def test_no_task_uses_an_image_that_is_not_looked_for(bundle: Bundle, gpu_type: str) -> None:
    from tke_tui.core.plan import listed_tasks

    features = {
        "gpuType": gpu_type,
        "csiOperator": {},
        "ha": {"tke": {"vip": "192.168.7.9"}},
    }
    para = para_of(
        {"features": features},
        gateway={},
        monitor={"influxDB": {"local": {}}},
        business={},
        ha=features["ha"],
    )
    needed = needed_images(para, bundle)
    prefix = f"{para.registry_prefix}/"
    for listed in listed_tasks(para):
        if listed.left_out:
            continue
        inputs = json.dumps(listed.task.inputs(para, bundle, para.first), default=str)
        used = {part.split('"')[0].rstrip("\\") for part in inputs.split(prefix)[1:]}
        assert used <= set(needed), listed.task.name
        if isinstance(listed.task, InstallComponent):
            assert used


@pytest.fixture
async def registry() -> AsyncIterator[RegistryServer]:
    server = await RegistryServer(auth="basic").start()
    yield server
    await server.stop()


def with_registry(
    tmp_path: Path, bundle: Bundle, server: RegistryServer, password: str, *, username: str = "pusher"
) -> World:
    given = {"domain": server.host, "namespace": "mirror"}
    if username:
        given |= {"username": username, "password": encode_base64(password.encode())}
    world = world_of(tmp_path, bundle, para_of(registry={"thirdParty": given}))
    world.adapters["registry"] = RegistryClient(
        f"https://{server.host}", username=username, password=password
    )
    return world


async def test_a_right_login_passes(tmp_path: Path, bundle: Bundle, registry: RegistryServer) -> None:
    world = with_registry(tmp_path, bundle, registry, registry.password)
    [found] = await of_login(world)
    await world.adapters["registry"].close()
    assert (found.severity, found.check) == ("ok", "RegistryLogin")


async def test_a_wrong_password_is_named_before_anything_is_changed_and_not_shown(
    tmp_path: Path, bundle: Bundle, registry: RegistryServer
) -> None:
    world = with_registry(tmp_path, bundle, registry, "wrong-secret")
    [found] = await of_login(world)
    await world.adapters["registry"].close()
    assert found.severity == "error"
    assert "refused the login of pusher" in found.message
    assert "Config.registry.thirdParty.password" in found.message
    assert "wrong-secret" not in found.line
    assert "--resume" not in found.line


async def test_a_registry_that_wants_a_login_and_gets_none_is_found(
    tmp_path: Path, bundle: Bundle, registry: RegistryServer
) -> None:
    world = with_registry(tmp_path, bundle, registry, "", username="")
    [found] = await of_login(world)
    await world.adapters["registry"].close()
    assert "asks for a login" in found.message


async def test_a_registry_in_trouble_is_found(
    tmp_path: Path, bundle: Bundle, registry: RegistryServer
) -> None:
    registry.faults.append(Fault("GET", "/v2/", 503, times=5))
    world = with_registry(tmp_path, bundle, registry, registry.password)
    [found] = await of_login(world)
    await world.adapters["registry"].close()
    assert found.severity == "error"
    assert "made to fail" in found.message


async def test_the_platforms_own_registry_is_not_asked_before_it_exists(
    tmp_path: Path, bundle: Bundle
) -> None:
    assert await of_login(world_of(tmp_path, bundle, para_of())) == []

"""Images into Docker and into a registry: what the original got wrong there, and what a person must be told."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.steps_world import IMAGES, StepWorld, step_world
from tke_tui.core.adapters.docker_errors import ImageRefused
from tke_tui.core.adapters.registry_errors import RegistryAuthFailed, RegistryUnavailable
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Mode
from tke_tui.core.errors import BundleError, Fatal, Retryable
from tke_tui.core.image_push import Target, push_images
from tke_tui.core.steps import load_images
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.push_images import PushImages
from tke_tui.lab.bundle import add_images
from tke_tui.lab.docker.archive import make_image
from tke_tui.lab.docker.server import StreamFault
from tke_tui.lab.registry import Fault, RegistryServer

PREFIX = "registry.tke.com/library"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[StepWorld]:
    async with step_world(tmp_path, tmp_path / "home") as made:
        yield made


@pytest.fixture
async def pushing(world: StepWorld) -> StepWorld:
    world.load()
    await world.start_registry()
    return world


def pushes(world: StepWorld) -> list[str]:
    return [line for line in world.engine.requests if line.endswith("/push")]


def stored(world: StepWorld, name: str, tag: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(world.engine.storage.manifests[f"library/{name}", tag][1])
    return document


async def test_images_get_the_name_of_the_registry_and_are_loaded_once(world: StepWorld) -> None:
    await world.run(LoadImages())
    assert {f"{PREFIX}/{entry}" for entry in IMAGES} <= set(world.engine.tags)
    assert world.progress[-1][0] == world.progress[-1][1] == world.bundle.images_archive.stat().st_size
    del world.engine.tags[f"{PREFIX}/{IMAGES[0]}"]
    await world.run(LoadImages())
    assert world.engine.requests.count("POST /images/load") == 1
    assert f"{PREFIX}/{IMAGES[0]}" in world.engine.tags


async def test_another_bundle_with_the_same_tags_is_loaded_though_the_names_are_there(
    world: StepWorld,
) -> None:
    await world.run(LoadImages())
    before = world.engine.tags[f"{PREFIX}/{IMAGES[0]}"]
    add_images(world.bundle, IMAGES, salt="rebuilt")
    world.bundle = Bundle.open(world.bundle.root)
    await world.run(LoadImages())
    assert world.engine.tags[f"{PREFIX}/{IMAGES[0]}"] != before


@pytest.fixture
def foreign(world: StepWorld) -> dict[str, str]:
    """Docker has an image of somebody else's under each name, also under those of the archive: name -> ID."""
    for entry in IMAGES:
        image = make_image(f"tkestack/{entry}", {"name": b"of another bundle"})
        world.engine.add(image, f"{PREFIX}/{entry}")
    return dict(world.engine.tags)


def are_the_bundles(world: StepWorld) -> bool:
    wanted = {image.tags[0].removeprefix("tkestack/"): image.id for image in world.images}
    return all(world.engine.tags[f"{PREFIX}/{entry}"] == one for entry, one in wanted.items())


def loads(world: StepWorld) -> int:
    return world.engine.requests.count("POST /images/load")


async def test_images_of_others_under_the_same_names_are_replaced(
    world: StepWorld, foreign: dict[str, str]
) -> None:
    await world.run(LoadImages())
    assert are_the_bundles(world)
    assert "other images than the bundle's" in world.logged()
    assert set(foreign.values()) <= set(world.engine.images), "their owner may still want them"
    assert (await world.run(LoadImages())).changes == []


async def test_one_image_of_somebody_elses_among_the_bundle_s_is_replaced(world: StepWorld) -> None:
    world.load()
    world.engine.add(make_image(f"{PREFIX}/{IMAGES[1]}", {"name": b"another build"}))
    await world.run(LoadImages())
    assert are_the_bundles(world)
    assert loads(world) == 0, "Docker has the right one under the archive's name"
    world.engine.add(make_image(f"{PREFIX}/{IMAGES[1]}", {"name": b"a third one"}))
    await world.run(LoadImages())
    assert are_the_bundles(world)


async def test_what_another_installation_loaded_from_the_same_archive_is_not_loaded_again(
    world: StepWorld,
) -> None:
    await world.run(LoadImages())
    shutil.rmtree(world.directory.root)
    world.directory.root.mkdir()
    assert (await world.run(LoadImages(), Mode.CHECK)).changes == []
    assert not list(world.directory.root.iterdir()), "a check leaves no trace"
    assert (await world.run(LoadImages())).changes == []
    assert loads(world) == 1
    size = world.bundle.images_archive.stat().st_size
    assert world.progress[-1] == (size, size, "bytes of images.tar.gz compared with Docker")
    world.bundle.images_archive.unlink()
    assert (await world.run(LoadImages())).changes == [], "the archive is not read a second time"


async def test_an_archive_that_is_not_the_manifest_s_proves_nothing(world: StepWorld) -> None:
    world.load()
    path = world.bundle.images_archive
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BundleError, match="damaged"):
        await world.run(LoadImages())


async def test_a_later_bundle_of_the_installation_is_loaded_and_its_names_follow(world: StepWorld) -> None:
    await world.run(LoadImages())
    world.images = add_images(world.bundle, (*IMAGES[1:], "etcd-amd64:v3.4.24"), salt="later")
    world.bundle = Bundle.open(world.bundle.root)
    await world.run(LoadImages())
    assert are_the_bundles(world)
    assert loads(world) == 2
    assert (await world.run(LoadImages())).changes == []


async def test_docker_that_names_images_in_its_own_way_is_believed_about_what_it_loaded(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With containerd's image store an ID is not the digest of the configuration, so the archive does not tell it."""
    world.load()
    monkeypatch.setattr(
        load_images, "image_ids", lambda *a, **k: {i.tags[0]: "sha256:00" for i in world.images}
    )
    changes = (await world.run(LoadImages())).changes
    assert [change.split()[0] for change in changes] == ["load"]
    assert (await world.run(LoadImages())).changes == []


async def test_a_stopped_run_does_not_go_on_reading_the_archive(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load()
    started, stopped = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def read(*args: Any, stop: threading.Event, **options: Any) -> dict[str, str]:
        loop.call_soon_threadsafe(started.set)
        if stop.wait(10):
            stopped.set()
        return {}

    monkeypatch.setattr(load_images, "image_ids", read)
    attempt = asyncio.create_task(world.run(LoadImages()))
    await started.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert await asyncio.to_thread(stopped.wait, 10)


async def test_a_name_in_docker_that_the_archive_does_not_bring_is_not_taken_for_its_own(
    world: StepWorld,
) -> None:
    entry = "coredns-amd64:1.7.0"
    manifest = world.bundle.root / "manifest.json"
    document = json.loads(manifest.read_text())
    document["contents"].append(entry)
    manifest.write_text(json.dumps(document))
    world.bundle = Bundle.open(world.bundle.root)
    world.engine.add(make_image(f"tkestack/{entry}", {"name": b"older"}), f"{PREFIX}/{entry}")
    with pytest.raises(BundleError, match="lacks 1 of 5 images"):
        await world.run(LoadImages())


async def test_an_archive_that_is_damaged_or_lacks_images_is_an_error(world: StepWorld) -> None:
    path = world.bundle.images_archive
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    with pytest.raises(BundleError, match="damaged"):
        await world.run(LoadImages())
    path.write_bytes(whole)
    manifest = world.bundle.root / "manifest.json"
    document = json.loads(manifest.read_text())
    document["contents"].append("coredns-amd64:1.7.0")
    manifest.write_text(json.dumps(document))
    world.bundle = Bundle.open(world.bundle.root)
    with pytest.raises(BundleError, match="lacks 1 of 5 images") as failure:
        await world.run(LoadImages())
    assert "coredns-amd64:1.7.0" in failure.value.detail


async def test_every_image_and_a_list_per_multi_architecture_name_arrive(pushing: StepWorld) -> None:
    await pushing.run(PushImages())
    listing = stored(pushing, "etcd", "v3.4.23")["manifests"]
    assert isinstance(listing, list)
    assert [(m["platform"]["architecture"], m["platform"].get("variant")) for m in listing] == [
        ("amd64", None),
        ("arm64", None),
        ("arm64", "v8"),
        ("arm64", "unknown"),
    ]
    assert "config" in stored(pushing, "gpu-manager", "v1")
    names = {name for name, _ in pushing.engine.storage.manifests}
    assert not any(name.endswith(("-v8", "-unknown")) for name in names)
    assert pushing.progress[-1][:2] == (4, 4)


async def test_pushing_leaves_no_extra_names_in_docker(pushing: StepWorld) -> None:
    before = set(pushing.engine.tags)
    await pushing.run(PushImages())
    assert set(pushing.engine.tags) == before


async def test_only_the_missing_image_is_pushed_again_and_only_a_changed_list_is_put(
    pushing: StepWorld,
) -> None:
    await pushing.run(PushImages())
    del pushing.engine.storage.manifests["library/etcd-arm64", "v3.4.23"]
    pushing.engine.requests.clear()
    pushing.engine.storage.requests.clear()
    await pushing.run(PushImages())
    assert len(pushes(pushing)) == 1
    assert "etcd-arm64" in pushes(pushing)[0]
    lists = [path for path in pushing.engine.storage.made("PUT") if "/library/etcd/manifests/" in path]
    assert lists == []


async def test_an_image_of_another_build_under_the_same_tag_replaces_the_old_one(pushing: StepWorld) -> None:
    await pushing.run(PushImages())
    old = stored(pushing, "etcd", "v3.4.23")
    pushing.images = add_images(pushing.bundle, IMAGES, salt="rebuilt")
    pushing.bundle = Bundle.open(pushing.bundle.root)
    await pushing.run(PushImages())
    assert stored(pushing, "etcd", "v3.4.23") != old


async def test_an_image_without_architecture_does_not_overwrite_the_manifest_list_of_its_name(
    pushing: StepWorld,
) -> None:
    pushing.images = add_images(pushing.bundle, (*IMAGES, "etcd:v3.4.23"))
    pushing.bundle = Bundle.open(pushing.bundle.root)
    pushing.load()
    await pushing.run(PushImages())
    assert "manifests" in stored(pushing, "etcd", "v3.4.23")
    assert "etcd:v3.4.23 is not pushed" in pushing.logged()


async def test_a_manifest_list_that_the_registry_refuses_is_an_error_and_not_swallowed(
    pushing: StepWorld,
) -> None:
    pushing.engine.storage.faults.append(Fault("PUT", "/library/etcd/manifests/v3.4.23", 500))
    with pytest.raises(RegistryUnavailable, match=r"store library/etcd:v3\.4\.23"):
        await pushing.run(PushImages())
    await pushing.run(PushImages())
    assert "manifests" in stored(pushing, "etcd", "v3.4.23")


@pytest.mark.parametrize(("status", "times"), [(500, 1), (0, 2)])
async def test_a_broken_registry_fails_the_push_with_the_image_named_and_a_repeat_goes_on(
    pushing: StepWorld, status: int, times: int
) -> None:
    pushing.engine.storage.faults.append(Fault("PUT", "/library/gpu-manager/", status, times))
    with pytest.raises(Retryable, match="gpu-manager"):
        await pushing.run(PushImages())
    sent = len(pushes(pushing))
    await pushing.run(PushImages())
    assert len(pushes(pushing)) <= sent + 2
    assert stored(pushing, "gpu-manager", "v1")


async def test_a_push_whose_stream_ends_silently_does_not_count(pushing: StepWorld) -> None:
    pushing.engine.faults.append(StreamFault("push", name="gpu-manager"))
    with pytest.raises(Retryable, match=r"did not finish: push .*gpu-manager"):
        await pushing.run(PushImages())
    assert ("library/gpu-manager", "v1") not in pushing.engine.storage.manifests


async def test_what_is_on_its_way_is_finished_when_another_push_fails(pushing: StepWorld) -> None:
    slow = StreamFault("push", hang=True, name="etcd-amd64")
    fast = StreamFault("push", "denied: no", name="etcd-arm64")
    pushing.engine.faults += [slow, fast]
    attempt = asyncio.create_task(pushing.run(PushImages()))
    await slow.reached.wait()
    await fast.reached.wait()
    slow.release.set()
    with pytest.raises(ImageRefused, match="etcd-arm64"):
        await attempt


async def test_a_proxy_of_the_docker_daemon_is_named_where_it_can_be_the_cause(world: StepWorld) -> None:
    world.images = add_images(world.bundle, ("gpu-manager:v1",))
    world.bundle = Bundle.open(world.bundle.root)
    world.load()
    world.engine.info = {"HttpProxy": "http://proxy:3128", "NoProxy": "localhost"}
    target = Target(await world.registry(), "registry.tke.com", "library", PREFIX)
    await world.start_registry()
    world.engine.faults.append(StreamFault("push", "net/http: request canceled", name="gpu-manager"))
    with pytest.raises(Retryable, match="gpu-manager") as failure:
        await push_images(world.context(PushImages()), target)
    assert failure.value.fix.startswith(
        "The Docker daemon sends requests for registry.tke.com through a proxy"
    )


async def test_a_third_party_registry_with_a_port_gets_everything(world: StepWorld) -> None:
    server = RegistryServer(auth="basic")
    await world.use_third_party(server)
    world.load()
    await world.run(PushImages())
    assert {"mirror/etcd", "mirror/etcd-arm64", "mirror/gpu-manager"} <= {
        name for name, _ in server.manifests
    }
    assert server.password not in world.logged() + "".join(world.engine.requests)


async def test_a_wrong_password_of_the_third_party_registry_stops_before_any_push(world: StepWorld) -> None:
    await world.use_third_party(RegistryServer(auth="basic"), password="wrong-secret")
    world.load()
    with pytest.raises(RegistryAuthFailed, match="refused the login of pusher") as failure:
        await world.run(PushImages())
    assert pushes(world) == []
    assert "wrong-secret" not in str(failure.value)


async def test_an_image_that_is_removed_from_docker_meanwhile_is_named(pushing: StepWorld) -> None:
    del pushing.engine.tags[f"{PREFIX}/{IMAGES[2]}"]
    address = f"127.0.0.1:{pushing.options.registry_http_port}"
    target = Target(await pushing.registry(), address, pushing.para.registry_namespace, PREFIX)
    with pytest.raises(Fatal, match=r"gpu-manager:v1 is not in Docker") as failure:
        await push_images(pushing.context(PushImages()), target)
    assert "loaded again" in failure.value.fix


async def test_official_images_are_neither_loaded_nor_pushed(world: StepWorld) -> None:
    await world.use_third_party(RegistryServer())
    third_party = world.para.config.registry.third_party
    assert third_party is not None
    third_party.domain, third_party.namespace = "docker.io", "tkestack"
    assert "already holds" in (LoadImages().left_out(world.para) or "")
    assert PushImages().left_out(world.para)

"""Load, registry, push with a real Docker daemon and a real registry image, on free ports of this host.

Marked `lab`: it needs the lab's registry image. Containers and images have names of their own and go afterwards.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.steps_world import StepWorld, step_world
from tke_tui.core import local_registry
from tke_tui.core.adapters.docker import DockerClient
from tke_tui.core.bundle import Bundle
from tke_tui.core.steps import setup_local_registry
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.push_images import PushImages
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.lab.docker.archive import SavedImage, make_image, read_archive, write_archive

SOCKET = Path("/var/run/docker.sock")
REGISTRY = "tkestack/registry-amd64"

CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]
"""What a daemon says whose images are in containerd: there an ID is not the digest of the configuration."""

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not SOCKET.is_socket(), reason="NO REAL DOCKER DAEMON HERE: steps not proven against one"
    ),
]


def save_registry() -> tuple[str, SavedImage]:
    listing = subprocess.run(
        ["docker", "images", "--format", "{{.Tag}}", REGISTRY], capture_output=True, text=True
    )
    tags = listing.stdout.split()
    if not tags:
        pytest.skip(f"NO IMAGE {REGISTRY} HERE: make it with the lab first")
    saved = subprocess.run(["docker", "save", f"{REGISTRY}:{tags[0]}"], capture_output=True, check=True)
    return tags[0], read_archive(saved.stdout)[0]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StepWorld]:
    tag, registry = save_registry()
    unique = f"tke-tui-{secrets.token_hex(4)}"
    http, https = f"{unique}-http", f"{unique}-https"
    for module in (local_registry, setup_local_registry):
        monkeypatch.setattr(module, "HTTP", http)
        monkeypatch.setattr(module, "CONTAINERS", (http, https))
    monkeypatch.setattr(local_registry, "HTTPS", https)
    entries = [f"{unique}-{arch}:v1" for arch in ("amd64", "arm64")]
    images = [make_image(f"tkestack/{e}", {"n": e.encode()}, arch=e.split("-")[-1][:5]) for e in entries]
    async with step_world(tmp_path, tmp_path / "home") as made:
        path = made.bundle.root / "manifest.json"
        document = json.loads(path.read_text())
        document["contents"] = sorted([*entries, f"registry-amd64:{tag}"])
        document["images"]["registry"] = tag
        sha256 = write_archive(made.bundle.images_archive, [registry, *images])
        document["files"]["images.tar.gz"] = {
            "sha256": sha256,
            "size": made.bundle.images_archive.stat().st_size,
        }
        path.write_text(json.dumps(document))
        made.bundle = Bundle.open(made.bundle.root)
        assert made.para.config.registry.tke is not None
        made.para.config.registry.tke.domain = f"{unique}.test"
        made.options = replace(made.options, docker_socket=f"unix://{SOCKET}")
        client = DockerClient(made.options.docker_socket)
        made.use_docker(client)
        try:
            yield made
        finally:
            task = SetupLocalRegistry()
            await task.undo(made.context(task))
            ours = [
                *await client.images(f"{unique}.test/library/*"),
                *(f"tkestack/{entry}" for entry in entries),
            ]
            for name in ours:
                await client.remove_image(name)


async def test_a_real_daemon_loads_serves_and_pushes_once(world: StepWorld) -> None:
    for step in (LoadImages, SetupLocalRegistry, PushImages):
        assert (await world.run(step())).changes
    registry = await world.registry()
    name = world.bundle.manifest.contents[-1].removesuffix("-arm64:v1")
    listing = await registry.get_manifest(f"library/{name}", "v1")
    assert listing is not None
    assert [entry["platform"]["architecture"] for entry in json.loads(listing.body)["manifests"]] == [
        "amd64",
        "arm64",
        "arm64",
        "arm64",
    ]
    for step in (LoadImages, SetupLocalRegistry, PushImages):
        assert (await world.run(step())).changes == []


async def test_a_real_daemon_s_images_of_others_are_replaced_and_the_archive_s_are_known_again(
    world: StepWorld,
) -> None:
    docker, prefix = await world.docker(), world.para.registry_prefix
    entry = next(one for one in world.bundle.manifest.contents if one.endswith("-amd64:v1"))
    await world.run(LoadImages())
    own = (await docker.image(f"{prefix}/{entry}") or {})["Id"]
    shutil.rmtree(world.directory.root)
    world.directory.root.mkdir()
    classic = (await docker.info())["DriverStatus"] != CONTAINERD
    again = await world.run(LoadImages())
    assert [change.split()[0] for change in again.changes] == ([] if classic else ["load"])

    path = world.base / "foreign.tar.gz"
    foreign = make_image(f"tkestack/{entry}", {"n": b"of another bundle"})
    write_archive(path, [foreign])
    await docker.load(path)
    await docker.tag(f"tkestack/{entry}", f"{prefix}/{entry}")
    other = (await docker.image(f"{prefix}/{entry}") or {})["Id"]
    assert other != own
    try:
        shutil.rmtree(world.directory.root)
        world.directory.root.mkdir()
        await world.run(LoadImages())
        assert (await docker.image(f"{prefix}/{entry}") or {})["Id"] == own
        assert (await world.run(LoadImages())).changes == []
    finally:
        await docker.remove_image(other, force=True)

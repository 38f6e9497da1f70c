"""The Docker adapter against the engine stand-in, and against a real daemon where one runs."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tke_tui.core.adapters.docker import DockerClient, RegistryLogin, split_tag
from tke_tui.core.adapters.docker_errors import (
    DockerUnavailable,
    ImageRefused,
    proxy_in_the_way,
    unavailable,
)
from tke_tui.core.errors import BundleError, Fatal, Retryable
from tke_tui.lab.docker.archive import make_image, write_archive
from tke_tui.lab.docker.server import DockerServer, StreamFault
from tke_tui.lab.registry import RegistryServer

REAL_SOCKET = Path("/var/run/docker.sock")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[DockerServer]:
    server = await DockerServer(tmp_path / "docker.sock").start()
    yield server
    await server.stop()


@pytest.fixture
async def registry() -> AsyncIterator[RegistryServer]:
    server = await RegistryServer(auth="basic").start()
    yield server
    await server.stop()


@pytest.fixture
async def client(engine: DockerServer) -> AsyncIterator[DockerClient]:
    docker = DockerClient(engine.url)
    yield docker
    await docker.close()


async def test_an_archive_is_loaded_with_its_bytes_as_progress(client: DockerClient, tmp_path: Path) -> None:
    path = tmp_path / "images.tar.gz"
    images = [make_image(f"tkestack/app-{n}:v1", {"data": os.urandom(900_000)}) for n in range(3)]
    sha256 = write_archive(path, images)
    seen: list[tuple[int, int]] = []
    loaded = await client.load(path, lambda done, total: seen.append((done, total)), sha256=sha256)
    assert loaded == [f"tkestack/app-{n}:v1" for n in range(3)]
    size = path.stat().st_size
    assert seen[0] == (0, size)
    assert seen[-1] == (size, size)
    assert len(seen) >= 3
    assert await client.images("tkestack/*") == loaded
    assert (await client.image("tkestack/app-1:v1") or {})["Id"] == images[1].id
    with pytest.raises(BundleError, match="damaged"):
        await client.load(path, sha256="0" * 64)


async def test_an_error_inside_the_answer_to_load_is_raised(
    client: DockerClient, engine: DockerServer, tmp_path: Path
) -> None:
    path = tmp_path / "images.tar.gz"
    write_archive(path, [make_image("tkestack/app:v1", {})])
    engine.faults.append(StreamFault("load", "write /var/lib/docker/x: no space left on device"))
    with pytest.raises(Fatal, match=r"could not load images\.tar\.gz") as failure:
        await client.load(path)
    assert "Free space" in failure.value.fix
    engine.faults.append(StreamFault("load"))
    with pytest.raises(Retryable, match="did not finish"):
        await client.load(path)
    with pytest.raises(BundleError, match="cannot be read"):
        await client.load(tmp_path / "absent")


async def test_a_push_with_login_arrives_and_gives_the_digest(
    client: DockerClient, engine: DockerServer, registry: RegistryServer
) -> None:
    name = f"{registry.host}/library/app:v1"
    engine.add(make_image("tkestack/app:v1", {"a": b"1" * 5000}))
    await client.tag("tkestack/app:v1", name)
    seen: list[tuple[int, int]] = []
    login = RegistryLogin(registry.host, registry.username, registry.password)
    digest = await client.push(name, login, lambda done, total: seen.append((done, total)))
    assert ("library/app", digest) in registry.manifests
    assert seen[-1][0] == seen[-1][1] > 0
    assert registry.password not in repr(login)
    assert await client.remove_image(name) is True
    assert await client.remove_image(name) is False


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("denied: requested access to the resource is denied", ImageRefused),
        ("received unexpected HTTP status: 504 Gateway Time-out", Retryable),
        ("", Retryable),
    ],
)
async def test_a_push_that_fails_inside_its_stream_or_ends_silently_is_an_error_with_the_image_named(
    client: DockerClient, engine: DockerServer, said: str, error: type[Exception]
) -> None:
    engine.add(make_image("registry.tke.com/library/app:v1", {}))
    engine.faults.append(StreamFault("push", said))
    with pytest.raises(error, match=r"registry\.tke\.com/library/app:v1"):
        await client.push("registry.tke.com/library/app:v1")


async def test_containers_start_and_go(client: DockerClient, engine: DockerServer) -> None:
    engine.add(make_image("tkestack/app:v1", {}))
    assert await client.container("one") is None
    config = {"Image": "tkestack/app:v1", "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}
    await client.run_container("one", config)
    found = await client.container("one")
    assert found is not None
    assert found["State"]["Running"] is True
    assert await client.published_ports() == {8080: "one"}
    with pytest.raises(Retryable, match="could not start container two") as failure:
        await client.run_container("two", config)
    assert "already allocated" in failure.value.detail
    assert await client.container("two") is None
    assert await client.remove_container("one") is True
    assert await client.remove_container("one") is False


async def test_a_name_that_another_request_has_just_taken_is_worth_another_attempt(
    client: DockerClient, engine: DockerServer
) -> None:
    """As when a creation that was broken off comes to its end in the daemon after all."""
    engine.add(make_image("tkestack/app:v1", {}))
    await client.run_container("one", {"Image": "tkestack/app:v1", "HostConfig": {}})
    with pytest.raises(Retryable, match="could not create container one") as failure:
        await client.run_container("one", {"Image": "tkestack/app:v1", "HostConfig": {}})
    assert "Conflict" in failure.value.detail
    assert await client.container("one") is not None


async def test_no_daemon_is_explained(tmp_path: Path) -> None:
    absent = DockerClient(f"unix://{tmp_path}/none.sock")
    with pytest.raises(DockerUnavailable, match="does not answer") as failure:
        await absent.info()
    assert "not installed or not started" in failure.value.detail
    assert "systemctl start docker" in failure.value.fix
    await absent.close()


def test_no_permission_is_explained() -> None:
    error = unavailable("unix:///var/run/docker.sock", PermissionError(errno.EACCES, "Permission denied"), "")
    assert "No permission" in error.title
    assert "group docker" in error.fix


@pytest.mark.parametrize(
    ("info", "host", "hit"),
    [
        ({}, "registry.tke.com", False),
        ({"HttpProxy": "http://p:3128", "NoProxy": "localhost"}, "registry.tke.com", True),
        ({"HttpsProxy": "http://p:3128", "NoProxy": "*.tke.com, x"}, "registry.tke.com:5000", False),
        ({"HttpProxy": "http://p:3128", "NoProxy": "tke.com"}, "registry.tke.com", False),
        ({"HttpProxy": "http://p:3128", "NoProxy": "ke.com"}, "registry.tke.com", True),
        ({"HttpProxy": "http://p:3128", "NoProxy": "*"}, "registry.tke.com", False),
        ({"HttpProxy": "http://p:3128"}, "127.0.0.1:80", False),
    ],
)
def test_a_proxy_of_the_daemon_in_front_of_the_registry_is_found(
    info: dict[str, str], host: str, hit: bool
) -> None:
    assert bool(proxy_in_the_way(info, host)) is hit


def test_a_port_is_not_a_tag() -> None:
    assert split_tag("h:5000/a/b") == ("h:5000/a/b", "latest")
    assert split_tag("h:5000/a/b:v1") == ("h:5000/a/b", "v1")


@pytest.mark.skipif(
    not REAL_SOCKET.is_socket(), reason="NO REAL DOCKER DAEMON HERE: adapter not proven against one"
)
async def test_a_real_daemon_loads_tags_and_pushes_to_a_registry(tmp_path: Path) -> None:
    unique = f"tke-tui-test-{secrets.token_hex(4)}"
    docker, registry = DockerClient(), await RegistryServer().start()
    target = f"{registry.host}/{unique}/app:v1"
    try:
        path = tmp_path / "images.tar.gz"
        image = make_image(f"tkestack/{unique}:v1", {"hello": os.urandom(200_000)})
        sha256 = write_archive(path, [image])
        assert await docker.load(path, sha256=sha256) == [f"tkestack/{unique}:v1"]
        await docker.tag(f"tkestack/{unique}:v1", target)
        assert await docker.images(f"{registry.host}/{unique}/*") == [target]
        seen: list[tuple[int, int]] = []
        digest = await docker.push(target, None, lambda done, total: seen.append((done, total)))
        assert (f"{unique}/app", digest) in registry.manifests
        assert seen[-1][0] > 0
        assert (await docker.version())["ApiVersion"]
        await registry.stop()
        await docker.tag(target, f"{registry.host}/{unique}/again:v1")
        with pytest.raises(Retryable, match="again:v1"):
            await docker.push(f"{registry.host}/{unique}/again:v1")
    finally:
        for name in (f"tkestack/{unique}:v1", target, f"{registry.host}/{unique}/again:v1"):
            await docker.remove_image(name, force=True)
        await docker.close()
        await registry.stop()

"""The registry on the installer host: ports, containers that are not ours, certificate, hosts file, undo."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.steps_world import StepWorld, step_world
from tke_tui.core import local_registry, pki
from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.core.local_hosts import BACKUP
from tke_tui.core.local_ports import listener
from tke_tui.core.local_registry import CERTIFICATES
from tke_tui.core.paths import write_private
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry
from tke_tui.lab.registry import Fault, RegistryServer

FOREIGN_LINES = "127.0.0.1 localhost\n10.9.9.9 registry.tke.com.cn\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[StepWorld]:
    async with step_world(tmp_path, tmp_path / "home") as made:
        made.load()
        yield made


async def test_both_containers_run_from_the_local_image_over_one_directory(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    http, https = (world.engine.containers[name] for name in ("registry-http", "registry-https"))
    for container in (http, https):
        assert container["Config"]["Image"] == "registry.tke.com/library/registry-amd64:2.8.1"
        assert container["HostConfig"]["RestartPolicy"] == {"Name": "always"}
        assert (
            f"{world.directory.registry_data.resolve()}:/var/lib/registry" in container["HostConfig"]["Binds"]
        )
    assert http["HostConfig"]["PortBindings"] == {
        "5000/tcp": [{"HostPort": str(world.options.registry_http_port)}]
    }
    key = world.directory.root / CERTIFICATES / "server.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (key.parent / "ca.key").exists()
    assert "PRIVATE KEY" not in world.logged()


async def test_the_certificate_is_made_for_this_installation_and_kept_while_it_fits(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    path = world.directory.root / CERTIFICATES / "server.crt"
    before = path.read_text()
    assert world.para.config.registry.tke is not None
    ids = {name: row["Id"] for name, row in world.engine.containers.items()}
    started = [line for line in world.engine.requests if line.endswith("/start")]
    await world.run(SetupLocalRegistry())
    assert path.read_text() == before
    assert {name: row["Id"] for name, row in world.engine.containers.items()} == ids
    assert [line for line in world.engine.requests if line.endswith("/start")] == started
    world.para.config.registry.tke.domain = "images.example.com"
    world.load()
    await world.run(SetupLocalRegistry())
    ca = pki.KeyPair((path.parent / "ca.crt").read_text(), "")
    pair = pki.KeyPair(path.read_text(), (path.parent / "server.key").read_text())
    assert pki.why_not(pair, ca, pki.registry_profile("images.example.com")) == ""


async def test_a_container_of_ours_that_stopped_is_started_again(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    await world.engine.registries.pop("registry-http").stop()
    world.engine.containers["registry-http"]["State"] = {"Running": False}
    context = await world.run(SetupLocalRegistry())
    assert world.engine.containers["registry-http"]["State"]["Running"]
    assert len(context.changes) == 2


async def test_a_process_on_the_port_is_named(world: StepWorld) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", world.options.registry_http_port))
        taken.listen()
        with pytest.raises(
            Fatal, match=f"Port {world.options.registry_http_port} of this host is taken"
        ) as failure:
            await world.run(SetupLocalRegistry())
        assert f"(process {os.getpid()})" in failure.value.detail
        assert listener(world.options.registry_http_port) is not None
    assert listener(world.options.registry_http_port) is None
    await world.run(SetupLocalRegistry())


async def test_a_container_on_the_port_is_named(world: StepWorld) -> None:
    port = world.options.registry_https_port
    world.engine.containers["nginx"] = {
        "Id": "f00",
        "Config": {"Image": "nginx"},
        "HostConfig": {"PortBindings": {"443/tcp": [{"HostPort": str(port)}]}},
        "State": {"Running": True},
    }
    with pytest.raises(Fatal, match=f"Port {port}") as failure:
        await world.run(SetupLocalRegistry())
    assert "the container nginx" in failure.value.detail


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, "did not make it"),
        ({"tke-tui.directory": "/srv/other"}, "belongs to the installation in /srv/other"),
    ],
)
async def test_a_container_of_somebody_else_with_our_name_is_not_removed(
    world: StepWorld, labels: dict[str, str], said: str
) -> None:
    world.engine.containers["registry-http"] = {
        "Id": "f00",
        "Config": {"Image": "registry:2", "Labels": labels},
        "HostConfig": {},
        "State": {"Running": True},
    }
    with pytest.raises(Fatal, match="already a container registry-http") as failure:
        await world.run(SetupLocalRegistry())
    assert said in failure.value.detail
    assert "registry-http" in world.engine.containers


async def test_a_registry_that_does_not_come_up_shows_its_last_lines(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_registry, "READY_TIMEOUT", 0.5)
    world.engine.storage.faults.append(Fault("GET", "/v2/", 500, times=1000))
    world.engine.say("panic: no certificate\n")
    with pytest.raises(NotReady, match="registry-http does not answer") as failure:
        await world.run(SetupLocalRegistry())
    assert failure.value.evidence is not None
    assert failure.value.evidence.output == ("panic: no certificate",)


async def test_a_longer_name_in_the_hosts_file_is_not_mistaken_for_the_registry(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    text = world.options.hosts_file.read_text()
    assert text.startswith(FOREIGN_LINES)
    ours = text.removeprefix(FOREIGN_LINES).splitlines()
    assert [line.partition(" #")[0] for line in ours] == [
        "127.0.0.1 registry.tke.com",
        "127.0.0.1 default.registry.tke.com",
    ]
    assert (world.directory.root / BACKUP).read_text() == FOREIGN_LINES


async def test_the_hosts_file_never_reaches_the_log(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    assert "10.9.9.9" not in world.logged()


async def test_a_protected_hosts_file_is_explained_with_the_lines_to_enter(
    world: StepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts, rewrite = world.options.hosts_file.resolve(), Path.write_bytes

    def replaced(path: Path, data: bytes, *, mode: int = 0o600) -> None:
        if path == hosts:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        write_private(path, data, mode=mode)

    def rewritten(path: Path, data: bytes) -> int:
        if path == hosts:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return rewrite(path, data)

    monkeypatch.setattr("tke_tui.core.local_hosts.write_private", replaced)
    monkeypatch.setattr(Path, "write_bytes", rewritten)
    with pytest.raises(Fatal, match="cannot be changed") as failure:
        await world.run(SetupLocalRegistry())
    assert "chattr -ia" in failure.value.fix
    assert "127.0.0.1 registry.tke.com" in failure.value.fix


async def test_undo_takes_containers_and_lines_away_and_nothing_else(world: StepWorld) -> None:
    await world.run(SetupLocalRegistry())
    world.engine.containers["nginx"] = {"Id": "f", "Config": {}, "HostConfig": {}, "State": {"Running": True}}
    task = SetupLocalRegistry()
    await task.undo(world.context(task))
    assert set(world.engine.containers) == {"nginx"}
    assert world.options.hosts_file.read_text() == FOREIGN_LINES
    assert world.directory.registry_data.is_dir()
    assert not await task.check(world.context(task, Mode.CHECK))


async def test_it_is_left_out_with_a_registry_that_exists(world: StepWorld) -> None:
    await world.use_third_party(RegistryServer())
    assert "existing registry" in (SetupLocalRegistry().left_out(world.para) or "")

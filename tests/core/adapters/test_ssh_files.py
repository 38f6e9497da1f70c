"""Files over SSH: atomic, checked, the same for root, for sudo users and without SFTP."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.core.adapters.ssh_fixtures import Machine, open_pool
from tke_tui.core.adapters.ssh import SshConnection
from tke_tui.core.errors import CommandFailed
from tke_tui.lab.sshd import Account, LabSshd

ACCOUNTS = {"root": Account(), "ops": Account()}


@dataclass
class Place:
    """An open connection and the machine behind it."""

    server: LabSshd
    connection: SshConnection
    tmp_path: Path


@pytest.fixture(
    params=["root", "sudo user", "root without SFTP", "sudo user without SFTP", "talking profile"]
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    user = "ops" if "sudo" in request.param else "root"
    sftp: Any = "noisy" if "profile" in request.param else "without" not in request.param
    machine = Machine()
    async with (
        LabSshd(tmp_path / "m", users=ACCOUNTS, commands=machine, sftp=sftp) as server,
        open_pool(tmp_path, connect_timeout=0.5) as pool,
    ):
        connection = await pool.get(server.login(user, sudo_password=ACCOUNTS["ops"].password))
        yield Place(server, connection, tmp_path)


async def test_a_file_is_written_with_its_mode_and_owner_and_read_back(place: Place) -> None:
    content = bytes(range(256)) * 300
    await place.connection.write_file(
        "/etc/kube/new dir/pki.key", content, mode=0o600, owner="etcd", group="kube"
    )
    path = place.server.path("/etc/kube/new dir/pki.key")
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert place.server.owners == {"/etc/kube/new dir/pki.key": "etcd:kube"}
    assert await place.connection.read_file("/etc/kube/new dir/pki.key") == content
    _assert_nothing_left(place)


async def test_an_existing_file_is_replaced_not_rewritten(place: Place) -> None:
    path = place.server.path("/etc/hosts")
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        await place.connection.write_file("/etc/hosts", b"new")
        assert reader.read() == b"old", "who has the old file open keeps all of it"
    assert path.read_bytes() == b"new"
    _assert_nothing_left(place)


async def test_an_empty_file_is_a_file(place: Place) -> None:
    await place.connection.write_file("/etc/empty", b"")
    assert await place.connection.read_file("/etc/empty") == b""
    assert await place.connection.read_file("/etc/absent") is None


async def test_a_target_that_cannot_be_replaced_is_explained_and_nothing_stays(place: Place) -> None:
    place.server.path("/etc/taken").mkdir()
    with pytest.raises(CommandFailed, match="/etc/taken") as caught:
        await place.connection.write_file("/etc/taken", b"x")
    assert caught.value.fix
    _assert_nothing_left(place)


async def test_an_upload_is_sent_once(place: Place) -> None:
    local, digest = _package(place.tmp_path)
    steps: list[tuple[int, int]] = []

    async def send() -> bool:
        return await place.connection.upload(
            local, "/opt/p.tar.gz", sha256=digest, mode=0o755, progress=lambda *step: steps.append(step)
        )

    assert await send() is True
    remote = place.server.path("/opt/p.tar.gz")
    assert remote.read_bytes() == local.read_bytes()
    assert stat.S_IMODE(remote.stat().st_mode) == 0o755
    assert steps[-1] == (local.stat().st_size, local.stat().st_size)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    before = remote.stat().st_ino
    assert await send() is False
    assert remote.stat().st_ino == before
    remote.write_bytes(b"damaged")
    assert await send() is True
    _assert_nothing_left(place)


async def test_an_upload_that_is_not_what_was_promised_is_not_put_in_place(place: Place) -> None:
    local, _ = _package(place.tmp_path)
    with pytest.raises(CommandFailed, match="not the file it should be") as caught:
        await place.connection.upload(local, "/opt/p.tar.gz", sha256="0" * 64)
    assert "verify the bundle" in caught.value.fix
    assert not place.server.path("/opt/p.tar.gz").exists()
    _assert_nothing_left(place)


async def test_a_missing_local_file_is_named(place: Place) -> None:
    with pytest.raises(CommandFailed, match=r"gone\.tar"):
        await place.connection.upload(place.tmp_path / "gone.tar", "/opt/p", sha256="0" * 64)


async def test_a_file_beyond_the_limit_is_refused(place: Place) -> None:
    place.server.path("/etc/large").write_bytes(b"x" * 101)
    with pytest.raises(CommandFailed, match="larger than 100 bytes"):
        await place.connection.read_file("/etc/large", max_bytes=100)
    assert await place.connection.read_file("/etc/large", max_bytes=101) == b"x" * 101


async def test_a_directory_is_not_read_as_a_file(place: Place) -> None:
    with pytest.raises(CommandFailed, match="cannot read /etc"):
        await place.connection.read_file("/etc")


async def test_many_files_at_once(place: Place) -> None:
    names = [f"/etc/conf.d/{i}" for i in range(20)]
    await asyncio.gather(*(place.connection.write_file(name, name.encode()) for name in names))
    contents = await asyncio.gather(*(place.connection.read_file(name) for name in names))
    assert contents == [name.encode() for name in names]
    _assert_nothing_left(place)


async def test_a_cancelled_upload_leaves_nothing_behind(tmp_path: Path) -> None:
    local = tmp_path / "package"
    local.write_bytes(b"x" * (8 << 20))
    started = asyncio.Event()
    async with (
        LabSshd(tmp_path / "m", commands=Machine()) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login())
        task = asyncio.create_task(
            connection.upload(
                local, "/opt/p", sha256="0" * 64, progress=lambda done, total: started.set() if done else None
            )
        )
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(server.path("/opt").iterdir()) == []


async def test_secret_content_is_in_no_command_line(place: Place) -> None:
    await place.connection.write_file("/etc/token", b"abcdef.0123456789", mode=0o600)
    assert not any("abcdef.0123456789" in line for line in place.server.exec_lines)


def _package(directory: Path) -> tuple[Path, str]:
    local = directory / "package.tar.gz"
    local.write_bytes(b"package" * 200_000)
    return local, hashlib.sha256(local.read_bytes()).hexdigest()


def _assert_nothing_left(place: Place) -> None:
    assert list(place.server.root.rglob("*tke-tui*")) == []

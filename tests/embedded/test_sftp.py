"""SFTP in the embedded lab: a tree of its own, out of which nothing leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tke_tui.lab.sshd import LabSshd


@pytest.fixture
async def sftp(tmp_path: Path) -> AsyncIterator[asyncssh.SFTPClient]:
    (tmp_path / "secret").write_text("the host's")
    async with LabSshd(tmp_path / "machine") as machine:
        machine.path("/etc/secret").write_text("the machine's")
        machine.path("/etc/dir").mkdir()
        machine.path("/etc/link").symlink_to("/etc/secret")
        machine.path("/etc/linked").symlink_to("dir")
        machine.path("/etc/out").symlink_to("../../secret")
        machine.path("/etc/host").symlink_to(tmp_path / "secret")
        login = machine.login()
        connection = await asyncssh.connect(
            login.host, login.port, username="root", client_keys=[machine.client_key], known_hosts=None
        )
        async with connection, connection.start_sftp_client() as client:
            yield client


async def _read(sftp: asyncssh.SFTPClient, path: str) -> str:
    async with sftp.open(path) as file:
        return str(await file.read())


async def test_an_absolute_link_is_one_of_the_machine(sftp: asyncssh.SFTPClient) -> None:
    assert await _read(sftp, "/etc/link") == "the machine's"
    assert str(await sftp.realpath("/etc/link")) == "/etc/secret"
    assert (await sftp.stat("/etc/link")).size == len("the machine's")


@pytest.mark.parametrize("path", ["/etc/out", "/etc/host", "/../secret", "/etc/linked/../../../secret"])
async def test_no_path_leads_to_the_host(sftp: asyncssh.SFTPClient, tmp_path: Path, path: str) -> None:
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await _read(sftp, path)
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await sftp.stat(path)
    assert (tmp_path / "secret").read_text() == "the host's"


async def test_writing_by_a_link_changes_what_it_names(sftp: asyncssh.SFTPClient, tmp_path: Path) -> None:
    async with sftp.open("/etc/link", "w") as file:
        await file.write("new")
    assert (tmp_path / "machine/etc/secret").read_text() == "new"
    assert (tmp_path / "machine/etc/link").is_symlink()
    await sftp.chmod("/etc/link", 0o600)
    assert (tmp_path / "machine/etc/secret").stat().st_mode & 0o777 == 0o600


async def test_a_link_itself_is_read_listed_and_removed(sftp: asyncssh.SFTPClient, tmp_path: Path) -> None:
    assert await sftp.readlink("/etc/linked") == "dir"
    await sftp.put(tmp_path / "secret", "/etc/linked/copy")
    assert "copy" in await sftp.listdir("/etc/dir")
    assert "copy" in await sftp.listdir("/etc/linked")
    await sftp.symlink("/etc/dir", "/etc/another")
    assert await sftp.readlink("/etc/another") == "/etc/dir"
    assert "copy" in await sftp.listdir("/etc/another")
    await sftp.remove("/etc/linked")
    assert (tmp_path / "machine/etc/dir/copy").exists()
    assert not (tmp_path / "machine/etc/linked").is_symlink()

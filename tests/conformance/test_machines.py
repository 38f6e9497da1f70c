"""What a machine answers: commands, files, their errors; the same from a model and from a real one."""

from __future__ import annotations

import hashlib
import secrets

import pytest

from tests.conformance.targets import Target
from tke_tui.core.adapters.ssh import Connection
from tke_tui.core.errors import TkeError


async def machine(target: Target) -> Connection:
    return await target.services.connect(target.installation.para.first)


async def test_a_command_that_is_not_there_is_127(target: Target) -> None:
    result = await (await machine(target)).run(["tke-no-such-command"])
    assert result.exit_code == 127
    assert "tke-no-such-command" in result.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ["test", "-e", "/etc/hosts"],
        ["test", "-e", "/no/such/file"],
        ["test", "-d", "/etc"],
        ["readlink", "/etc/hosts"],
        ["stat", "-c", "%a", "/no/such/file"],
        ["grep", "-sH", "", "--", "/no/such/file"],
        ["systemctl", "is-active", "kubelet.service"],
        ["systemctl", "is-active", "no-such.service"],
        ["systemctl", "is-enabled", "docker.service"],
        ["systemctl", "enable", "no-such.service"],
        ["modprobe", "no_such_module"],
        ["docker", "image", "inspect", "--format", "{{.Id}}", "no/such:image"],
        ["iptables", "-w", "30", "-t", "nat", "-C", "OUTPUT", "-d", "192.0.2.1", "-j", "ACCEPT"],
    ],
    ids=" ".join,
)
async def test_the_verdict_of_a_command(target: Target, argv: list[str]) -> None:
    """Good or bad, not the very number: that differs between versions of these tools, too."""
    expected_good = argv[-1] in ("/etc/hosts", "/etc", "kubelet.service", "docker.service")
    if argv[0] == "readlink":
        expected_good = False
    result = await (await machine(target)).run(argv)
    assert (result.exit_code == 0) is expected_good, result


async def test_a_file_is_written_whole_with_its_mode(target: Target) -> None:
    connection, path = await machine(target), f"/etc/tke-conformance-{secrets.token_hex(4)}"
    await connection.write_file(path, b"one\ntwo \xff\n", mode=0o640)
    assert await connection.read_file(path) == b"one\ntwo \xff\n"
    mode = await connection.run(["stat", "-c", "%a %u %g", path])
    assert mode.stdout.split() == ["640", "0", "0"]
    await connection.run(["rm", "-f", "--", path])
    assert await connection.read_file(path) is None


async def test_a_missing_directory_is_made_for_a_file(target: Target) -> None:
    connection, directory = await machine(target), f"/var/lib/tke-conformance-{secrets.token_hex(4)}"
    await connection.write_file(f"{directory}/below/file", b"content")
    assert await connection.read_file(f"{directory}/below/file") == b"content"
    await connection.run(["rm", "-rf", "--", directory])
    assert (await connection.run(["test", "-e", directory])).exit_code != 0


async def test_a_file_cannot_be_written_below_a_file(target: Target) -> None:
    with pytest.raises(TkeError) as failure:
        await (await machine(target)).write_file("/etc/hosts/file", b"")
    assert "/etc/hosts" in str(failure.value)


async def test_an_upload_arrives_and_is_not_sent_twice(
    target: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    connection, local = await machine(target), tmp_path_factory.mktemp("upload") / "file"
    local.write_bytes(secrets.token_bytes(300_000))
    digest = hashlib.sha256(local.read_bytes()).hexdigest()
    remote = f"/tmp/tke-conformance-{digest[:8]}"
    assert await connection.upload(local, remote, sha256=digest)
    assert not await connection.upload(local, remote, sha256=digest)
    found = await connection.run(["sha256sum", "--", remote])
    assert found.stdout.split()[0] == digest
    await connection.run(["rm", "-f", "--", remote])

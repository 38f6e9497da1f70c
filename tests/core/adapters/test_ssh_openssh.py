"""What only a real OpenSSH server and a real sudo can prove."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.openssh import USER, USER_PASSWORD, OpenSsh, why_not
from tests.core.adapters.ssh_fixtures import open_pool, until
from tke_tui.core.adapters.ssh import Login
from tke_tui.core.errors import AuthenticationFailed, ConnectionBroken

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"NOT TESTED against OpenSSH: {why_not()}")

TREE = "sleep 1000 & (setsid sleep 1001 &) ; echo ready; sleep 1002"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OpenSsh]:
    async with OpenSsh(tmp_path / "s", port=_free_port(), sudo_rule=f"{USER} ALL=(ALL) ALL") as server:
        yield server


def _login(server: OpenSsh, kind: str = "root") -> Login:
    if kind == "root":
        return Login(server.address, server.port, private_key=server.client_key)
    return Login(server.address, server.port, USER, password=USER_PASSWORD)


@pytest.mark.parametrize("kind", ["root", "sudo user"])
async def test_commands_files_and_uploads(server: OpenSsh, tmp_path: Path, kind: str) -> None:
    local = tmp_path / "package"
    local.write_bytes(b"0123456789" * 300_000)
    digest = hashlib.sha256(local.read_bytes()).hexdigest()
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server, kind))
        assert (await connection.run(["id", "-u"])).stdout == "0\n"
        assert (await connection.run(["cat"], input=b"a\nb\xff")).stdout == "a\nb\\xff"
        await connection.write_file("/etc/kube/x", b"1", mode=0o600)
        assert await connection.upload(local, "/opt/p", sha256=digest, mode=0o755)
        assert not await connection.upload(local, "/opt/p", sha256=digest)
        stat = await connection.run(["stat", "-c", "%a %U %G %s", "/etc/kube/x", "/opt/p"])
        assert stat.stdout == "600 root root 1\n755 root root 3000000\n"
        assert await connection.read_file("/etc/kube/x") == b"1"
        left = await connection.run(["find", "/var/tmp", "/etc/kube", "/opt", "-name", "*tke-tui*"])
        assert left.stdout == ""
        assert connection.raw.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"


@pytest.mark.parametrize("kind", ["root", "sudo user"])
@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_a_stopped_command_leaves_no_process(
    server: OpenSsh, tmp_path: Path, kind: str, how: str
) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server, kind))
        ready = asyncio.Event()
        task = asyncio.create_task(
            connection.run(
                ["sh", "-c", TREE],
                timeout=2 if how == "timeout" else None,
                on_line=lambda stream, line: ready.set(),
            )
        )
        await ready.wait()
        await until(lambda: _sleeps(server) == {"1000", "1001", "1002"})
        if how == "cancel":
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert _sleeps(server) == set()


async def test_a_command_that_ignores_the_polite_signal_is_killed(server: OpenSsh, tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server))
        ready = asyncio.Event()
        script = "trap '' TERM HUP INT; echo ready; sleep 1003"
        task = asyncio.create_task(
            connection.run(["sh", "-c", script], on_line=lambda stream, line: ready.set())
        )
        await ready.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert _sleeps(server) == set()


async def test_what_a_lost_connection_left_running_is_ended_on_return(
    server: OpenSsh, tmp_path: Path
) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server))
        ready = asyncio.Event()
        task = asyncio.create_task(
            connection.run(["sh", "-c", TREE], on_line=lambda stream, line: ready.set())
        )
        await ready.wait()
        connection.raw.abort()
        with pytest.raises(ConnectionBroken):
            await task
        await until(lambda: _sleeps(server) == {"1000", "1001", "1002"})
        await pool.get(_login(server))
        assert _sleeps(server) == set()


async def test_a_hundred_logins_at_one_address_pass_the_default_max_startups(
    server: OpenSsh, tmp_path: Path
) -> None:
    """A busy server frees the place of a login a little late, so one may be cut off and is then tried again."""
    async with open_pool(tmp_path) as pool:
        # The unused passphrase makes them different logins, each with its own connection.
        logins = [replace(_login(server), passphrase=str(number)) for number in range(100)]
        await pool.get(logins[0])
        connections = await asyncio.gather(*(pool.get(login) for login in logins))
        assert all(connection.is_open for connection in connections)


async def test_logins_the_server_drops_are_tried_again(tmp_path: Path) -> None:
    options = {"MaxStartups": "2:100:2"}
    async with (
        OpenSsh(tmp_path / "s", port=_free_port(), options=options) as server,
        open_pool(tmp_path) as pool,
    ):
        logins = [replace(_login(server), passphrase=str(number)) for number in range(8)]
        connections = await asyncio.gather(*(pool.get(login) for login in logins))
        assert all(connection.is_open for connection in connections)


@pytest.mark.parametrize("sessions", [1, 2, 10])
async def test_any_max_sessions_will_do(tmp_path: Path, sessions: int) -> None:
    options = {"MaxSessions": str(sessions)}
    async with (
        OpenSsh(tmp_path / "s", port=_free_port(), options=options) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(_login(server))
        files = (connection.write_file(f"/etc/f{number}", b"x") for number in range(4))
        commands = [connection.run(["echo", str(number)]) for number in range(20)]
        await asyncio.gather(*files)
        results = await asyncio.gather(*commands)
        assert [result.stdout for result in results] == [f"{number}\n" for number in range(20)]


async def test_a_talking_profile_spoils_nothing(tmp_path: Path) -> None:
    options = {"Subsystem": "sftp /usr/lib/openssh/sftp-server"}
    async with (
        OpenSsh(tmp_path / "s", port=_free_port(), options=options) as server,
        open_pool(tmp_path, connect_timeout=1) as pool,
    ):
        (server.root / "root/.bashrc").write_text(
            "echo Welcome; echo to this node >&2; printf 'no line end'\n"
        )
        connection = await pool.get(_login(server))
        result = await connection.run(["sh", "-c", "echo 1; echo 2 >&2"])
        assert (result.stdout, result.stderr) == ("1\n", "2\n")
        await connection.write_file("/etc/x", b"y")
        assert await connection.read_file("/etc/x") == b"y"


async def test_a_file_mounted_over_is_rewritten_in_place(server: OpenSsh, tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server))
        assert (await connection.run(["mount", "--bind", "/etc/hosts", "/etc/hosts"])).exit_code == 0
        await connection.write_file("/etc/hosts", b"127.0.0.1 localhost\n")
        assert await connection.read_file("/etc/hosts") == b"127.0.0.1 localhost\n"
        names = await connection.run(["ls", "-A", "/etc"])
        assert "tke-tui" not in names.stdout


async def test_a_command_that_reads_no_input_ends_as_usual(server: OpenSsh, tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server))
        assert (await connection.run(["true"], input=b"x" * 3_000_000)).exit_code == 0
        assert (await connection.run(["echo", "on"])).stdout == "on\n"


@pytest.mark.parametrize(
    ("rule", "password", "words"),
    [
        ("", USER_PASSWORD, "no right"),
        (f"{USER} ALL=(ALL) ALL", "wrong", "password is wrong"),
        (f"{USER} ALL=(ALL) ALL", None, "none was given"),
        (f"Defaults requiretty\n{USER} ALL=(ALL) ALL", USER_PASSWORD, "requiretty"),
    ],
)
async def test_what_sudo_really_says_is_understood(
    tmp_path: Path, rule: str, password: str | None, words: str
) -> None:
    async with (
        OpenSsh(tmp_path / "s", port=_free_port(), sudo_rule=rule) as server,
        open_pool(tmp_path) as pool,
    ):
        login = Login(
            server.address, server.port, USER, private_key=server.client_key, sudo_password=password
        )
        connection = await pool.get(login)
        with pytest.raises(AuthenticationFailed, match=words):
            await connection.run(["id"])


async def test_sudo_without_password_and_with_a_cached_one(tmp_path: Path) -> None:
    rule = f"Defaults timestamp_type=global\n{USER} ALL=(ALL) ALL\n{USER} ALL=(ALL) NOPASSWD: /usr/bin/cat"
    async with (
        OpenSsh(tmp_path / "s", port=_free_port(), sudo_rule=rule) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(_login(server, "sudo user"))
        warm = await connection.run(["sudo", "-S", "true"], input=USER_PASSWORD.encode() + b"\n", sudo=False)
        assert warm.exit_code == 0
        # sudo would now leave the password line on stdin, where a careless client feeds it to the command.
        assert (await connection.run(["cat"], input=b"content")).stdout == "content"
    rule = f"{USER} ALL=(ALL) NOPASSWD: ALL"
    async with (
        OpenSsh(tmp_path / "t", port=_free_port(), sudo_rule=rule) as server,
        open_pool(tmp_path) as pool,
    ):
        for password in (None, "unused"):
            login = Login(
                server.address, server.port, USER, private_key=server.client_key, sudo_password=password
            )
            connection = await pool.get(login)
            assert (await connection.run(["cat"], input=b"content")).stdout == "content"


async def test_stopping_a_command_spares_its_neighbours(server: OpenSsh, tmp_path: Path) -> None:
    async with open_pool(tmp_path) as pool:
        connection = await pool.get(_login(server))
        neighbour = asyncio.create_task(connection.run(["sleep", "1004"]))
        doomed = asyncio.create_task(connection.run(["sleep", "1005"]))
        await until(lambda: _sleeps(server) == {"1004", "1005"})
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
        assert _sleeps(server) == {"1004"}
        neighbour.cancel()
        await asyncio.gather(neighbour, return_exceptions=True)


def _sleeps(server: OpenSsh) -> set[str]:
    """Arguments of the `sleep` processes that belong to the server."""
    return {argv[1] for argv in server.processes() if argv[0] == "sleep" and len(argv[1]) == 4}

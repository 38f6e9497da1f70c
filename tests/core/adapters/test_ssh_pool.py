"""The pool: one connection per machine, bounded logins, reconnection, bastions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.adapters.ssh_fixtures import Machine, open_pool, until
from tke_tui.core.adapters.ssh import Login
from tke_tui.core.errors import ConnectionBroken, Unreachable
from tke_tui.lab.sshd import Account, LabSshd


async def test_a_machine_is_logged_in_to_once_however_many_ask(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m", commands=Machine()) as server, open_pool(tmp_path) as pool:
        login = server.login()
        connections = await asyncio.gather(*(pool.get(login) for _ in range(20)))
        assert len({id(connection) for connection in connections}) == 1
        assert server.login_count == 1


async def test_logins_at_one_address_stay_within_the_limit(tmp_path: Path) -> None:
    users = {f"user{i}": Account() for i in range(30)}
    async with (
        LabSshd(tmp_path / "m", users=users, commands=Machine(), max_startups=(4, 100, 4)) as server,
        open_pool(tmp_path, logins_per_target=4) as pool,
    ):
        await asyncio.gather(*(pool.get(server.login(user)) for user in users))
        assert server.login_count == 30
        assert server.most_logging_in <= 4
        # The first login meets an unknown host key and connects once more; nothing else was tried twice.
        assert server.connection_count <= 34


async def test_a_login_the_server_cuts_off_is_tried_again(tmp_path: Path) -> None:
    async with (
        LabSshd(tmp_path / "m", commands=Machine(), refuse_logins={1, 2, 4}) as server,
        open_pool(tmp_path) as pool,
    ):
        connection = await pool.get(server.login())
        assert (await connection.run(["echo", "hi"])).stdout == "hi\n"
        assert server.connection_count == 5


async def test_a_server_that_always_hangs_up_is_explained(tmp_path: Path) -> None:
    async with (
        LabSshd(tmp_path / "m", refuse_logins=range(100)) as server,
        open_pool(tmp_path, login_attempts=3) as pool,
    ):
        with pytest.raises(ConnectionBroken, match="3 times") as caught:
            await pool.get(server.login())
        assert "MaxStartups" in caught.value.fix


async def test_a_broken_connection_is_opened_again_and_its_command_is_not_left_running(
    tmp_path: Path,
) -> None:
    async with LabSshd(tmp_path / "m") as server, open_pool(tmp_path) as pool:
        login = server.login()
        connection = await pool.get(login)
        pids: list[int] = []
        task = asyncio.create_task(
            connection.run(
                ["sh", "-c", "echo $$; exec sleep 1000"], on_line=lambda stream, line: pids.append(int(line))
            )
        )
        await until(lambda: bool(pids))
        server.drop_connections()
        with pytest.raises(ConnectionBroken):
            await task
        assert Path(f"/proc/{pids[0]}").exists(), "the machine does not notice by itself"
        again = await pool.get(login)
        assert again is not connection
        assert (await again.run(["true"])).exit_code == 0
        await until(lambda: not Path(f"/proc/{pids[0]}").exists())


async def test_a_silent_peer_is_noticed_by_keep_alive(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m", commands=Machine()) as server:
        relay = Relay(server)
        async with relay, open_pool(tmp_path, keepalive_interval=0.05, keepalive_count_max=2) as pool:
            connection = await pool.get(replace(server.login(), port=relay.port))
            task = asyncio.create_task(connection.run(["hang"]))
            await until(lambda: server.argvs == [["hang"]])
            relay.silent = True
            with pytest.raises(ConnectionBroken):
                await task
            assert not connection.is_open


async def test_one_waiter_giving_up_does_not_stop_the_others(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with (
        LabSshd(tmp_path / "m", commands=Machine(), login_gate=gate) as server,
        open_pool(tmp_path) as pool,
    ):
        first = asyncio.create_task(pool.get(server.login()))
        second = asyncio.create_task(pool.get(server.login()))
        await until(lambda: server.logging_in == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.set()
        assert (await second).is_open
        assert server.login_count == 1


async def test_giving_up_alone_ends_the_attempt_and_the_next_one_is_new(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with (
        LabSshd(tmp_path / "m", login_gate=gate) as server,
        open_pool(tmp_path) as pool,
    ):
        task = asyncio.create_task(pool.get(server.login()))
        await until(lambda: server.logging_in == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert (await pool.get(server.login())).is_open
        await until(lambda: server.logging_in == 0)


async def test_forgetting_a_machine_closes_its_connection(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "m", commands=Machine()) as server, open_pool(tmp_path) as pool:
        login = server.login()
        connection = await pool.get(login)
        await pool.forget(login)
        assert not connection.is_open
        await pool.forget(login)
        assert (await pool.get(login)).is_open


async def test_closing_ends_what_is_still_running(tmp_path: Path) -> None:
    machine = Machine()
    async with LabSshd(tmp_path / "m", commands=machine) as server:
        async with open_pool(tmp_path) as pool:
            connection = await pool.get(server.login())
            task = asyncio.create_task(connection.run(["hang"]))
            await machine.hanging.wait()
        assert machine.stopped == 1
        await asyncio.gather(task, return_exceptions=True)


async def test_machines_behind_a_bastion_share_one_connection_to_it(tmp_path: Path) -> None:
    async with (
        LabSshd(tmp_path / "b", users={"jump": Account()}) as bastion,
        LabSshd(tmp_path / "m", address="127.0.0.2", users=_users(6), commands=Machine()) as server,
        open_pool(tmp_path) as pool,
    ):
        way = bastion.login("jump")
        connections = await asyncio.gather(
            *(pool.get(replace(server.login(user), bastion=way)) for user in _users(6))
        )
        results = await asyncio.gather(*(c.run(["echo", "x"], sudo=False) for c in connections))
        assert {result.stdout for result in results} == {"x\n"}
        assert (bastion.login_count, server.login_count) == (1, 6)


async def test_a_chain_of_bastions(tmp_path: Path) -> None:
    async with (
        LabSshd(tmp_path / "1") as first,
        LabSshd(tmp_path / "2", address="127.0.0.2") as second,
        LabSshd(tmp_path / "3", address="127.0.0.3", commands=Machine()) as last,
        open_pool(tmp_path) as pool,
    ):
        way = replace(second.login(), bastion=first.login())
        connection = await pool.get(replace(last.login(), bastion=way))
        assert (await connection.run(["echo", "x"])).stdout == "x\n"
        assert (first.login_count, second.login_count) == (1, 1)


async def test_a_broken_bastion_connection_is_opened_again(tmp_path: Path) -> None:
    async with (
        LabSshd(tmp_path / "b") as bastion,
        LabSshd(tmp_path / "m", address="127.0.0.2", commands=Machine()) as server,
        open_pool(tmp_path) as pool,
    ):
        login = replace(server.login(), bastion=bastion.login())
        connection = await pool.get(login)
        bastion.drop_connections()
        await until(lambda: not connection.is_open)
        assert (await (await pool.get(login)).run(["echo", "x"])).stdout == "x\n"
        assert bastion.login_count == 2


async def test_what_the_bastion_sees_is_told(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "b") as bastion, open_pool(tmp_path) as pool:
        with pytest.raises(Unreachable, match="through") as caught:
            await pool.get(Login("127.0.0.9", 1, bastion=bastion.login()))
        assert "seen from the bastion" in caught.value.detail


async def test_a_bastion_that_forbids_forwarding_is_explained(tmp_path: Path) -> None:
    async with LabSshd(tmp_path / "b", forwarding=False) as bastion, open_pool(tmp_path) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.get(Login("127.0.0.9", 22, bastion=bastion.login()))
        assert "AllowTcpForwarding" in caught.value.fix


def _users(count: int) -> dict[str, Account]:
    return {f"user{i}": Account() for i in range(count)}


class Relay:
    """A TCP relay in front of a server; when `silent` it swallows everything, as a machine without power does."""

    def __init__(self, server: LabSshd) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self.silent = False
        self.port = 0

    async def __aenter__(self) -> Relay:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._server.address, self._server.port)
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self.silent:
                    sink.write(data)
        finally:
            sink.close()

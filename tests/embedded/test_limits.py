"""What the lab's machines allow of a connection, as sshd does by default, and how the installer lives with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest
from kubernetes_asyncio import client, watch

from tests.core.adapters.ssh_fixtures import open_pool
from tke_tui.core.adapters.ssh import Login
from tke_tui.lab import __main__ as process
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.kube.server import KubeServer
from tke_tui.lab.kube.store import HISTORY
from tke_tui.lab.scenario import Scenario

pytestmark = pytest.mark.timeout(120)


async def test_an_eleventh_session_is_refused_and_the_installers_commands_go_on(tmp_path: Path) -> None:
    async with EmbeddedLab(tmp_path / "lab", Scenario(nodes=1, pace=0)) as lab:
        (member,) = lab.members.values()
        address, port = member.sshd.address, member.sshd.port
        login = asyncssh.connect(
            address, port, config=None, username="root", password=lab.password,
            known_hosts=None, client_keys=None, agent_path=None,
        )  # fmt: skip
        async with login as connection:
            sessions = [await connection.start_sftp_client() for _ in range(10)]
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.start_sftp_client()
            sessions[0].exit()
            await sessions[0].wait_closed()
            await connection.start_sftp_client()

        async with open_pool(tmp_path, channels_per_connection=32) as pool:
            machine = await pool.get(Login(address, port, "root", password=lab.password))
            many = (machine.run(["cat", "/etc/hosts"]) for _ in range(40))
            assert all(result.exit_code == 0 for result in await asyncio.gather(*many))
        assert member.sshd.most_sessions == 10


async def test_too_many_logins_at_once_are_dropped_and_tried_again(tmp_path: Path) -> None:
    async with EmbeddedLab(tmp_path / "lab", Scenario(nodes=1, pace=0)) as lab:
        (member,) = lab.members.values()
        sshd = member.sshd
        sshd.login_gate = asyncio.Event()
        waiting = [await asyncio.open_connection(sshd.address, sshd.port) for _ in range(16)]
        closed = [asyncio.create_task(reader.read()) for reader, _ in waiting]
        # Of the six beyond the first ten 30, 31, 32, ... percent are dropped: the fourth one.
        done, _ = await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert done == {closed[13]}
        assert (sshd.logging_in, sshd.dropped_startups) == (15, 1)
        for _, writer in waiting:
            writer.close()
        sshd.login_gate = None

        async with open_pool(tmp_path, login_attempts=5) as pool:
            machine = await pool.get(Login(sshd.address, sshd.port, "root", password=lab.password))
            assert (await machine.run(["cat", "/etc/hosts"])).exit_code == 0


async def test_requests_to_the_engine_keep_the_lab_going_as_commands_do(tmp_path: Path) -> None:
    async with EmbeddedLab(tmp_path / "lab", Scenario(nodes=1, pace=0)) as lab:
        before = process._asked(lab)
        connector = aiohttp.UnixConnector(str(lab.docker.socket))
        async with aiohttp.ClientSession(connector=connector) as session:
            await session.get("http://docker/_ping")
        assert process._asked(lab) == before + 1


async def test_a_watch_from_before_the_history_gets_410_and_begins_again_with_a_list(tmp_path: Path) -> None:
    """As kubectl and controllers do it, with the common client."""
    authority = tmp_path / "ca.crt"
    async with KubeServer() as server:
        authority.write_text(server.ca_pem)
        settings = client.Configuration(host=server.url, ssl_ca_cert=str(authority))
        settings.api_key = {"BearerToken": f"Bearer {server.token}"}
        async with client.ApiClient(settings) as connection:
            lister = client.CoreV1Api(connection).list_namespaced_config_map
            listed = await lister("default")
            for number in range(HISTORY + 10):
                await server.put(config_map(number))

            with pytest.raises(client.ApiException) as expired:
                await following(lister, listed.metadata.resource_version)
            assert expired.value.status == 410

            again = await lister("default")
            assert again.items[0].data == {"number": str(HISTORY + 9)}
            waiting = asyncio.create_task(following(lister, again.metadata.resource_version))
            await server.until(lambda: server.watching == 1)
            await server.put(config_map(-1))
            assert await waiting == ("MODIFIED", "-1")
            assert len(server.store.history) == HISTORY


async def following(lister: Any, since: str) -> tuple[str, str]:
    """The next change of a ConfigMap after a version: its type, and the number in it."""
    async with watch.Watch() as watcher:
        async for event in watcher.stream(lister, "default", resource_version=since):
            return event["type"], event["object"].data["number"]
    raise AssertionError("the watch has ended")


def config_map(number: int) -> dict[str, Any]:
    name = {"name": "one", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"number": str(number)}}

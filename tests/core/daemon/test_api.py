"""The HTTP API as curl sees it: the original's addresses, status codes, explained errors, no secrets."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from tests.core.daemon.world import ENCODED, PASSWORD, DaemonWorld, Held, document, failing, watching
from tests.core.engine_world import nothing, task, until
from tke_tui.core.daemon import api, bodies
from tke_tui.core.daemon.seat import LONGEST, Peer, address
from tke_tui.core.paths import InstallDir
from tke_tui.core.task import Scope


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DaemonWorld:
    return DaemonWorld(tmp_path, monkeypatch)


async def test_the_socket_is_for_its_owner_only(world: DaemonWorld) -> None:
    async with world.engine():
        mode = world.directory.socket.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE(world.directory.root.stat().st_mode) == 0o700
    assert not world.directory.socket.exists()


async def test_another_user_is_refused_whatever_the_mode_of_the_file(
    world: DaemonWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.engine(), world.curl() as curl:
        monkeypatch.setattr(api, "peer_of", lambda connection: Peer(4711, os.geteuid() + 1))
        status, answer = await curl("GET", "/api/engine")
        assert status == 403
        assert "root" in answer["title"]


def test_only_the_own_user_and_root_may_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [Peer(1, uid).may_enter for uid in (0, 1000, 1001)] == [True, True, False]


async def test_an_installation_as_the_originals_web_ui_would_do_it(world: DaemonWorld) -> None:
    async with world.engine(bundle=world.settings.bundle) as desk, world.curl() as curl:
        assert await curl("GET", "/api/cluster/global/progress") == (200, {"status": "Unknown", "data": ""})
        assert (await curl("GET", "/api/cluster/global"))[0] == 404
        status, answer = await curl("POST", "/api/cluster", document())
        assert status == 201
        machine = answer["cluster"]["spec"]["machines"][0]
        assert (machine["ip"], machine["password"]) == ("192.0.2.11", "******")
        await desk.keeper.ended()
        status, progress = await curl("GET", "/api/cluster/global/progress")
        assert (status, progress["status"]) == (200, "Success")
        assert "only doing" in progress["data"]
        assert "only [Success]" in progress["data"]
        assert progress["username"] == "admin"
        assert not {"password", "kubeconfig"} & progress.keys()
        revealed = (await curl("GET", "/api/cluster/global/progress?reveal=true"))[1]
        assert base64.b64decode(revealed["password"]).decode() == PASSWORD
        assert (await curl("GET", "/api/cluster/global"))[1]["Config"]["basic"]["password"] == "******"


async def test_no_answer_and_no_event_holds_a_secret_unless_it_is_asked_for(world: DaemonWorld) -> None:
    async def leak(ctx: object) -> None:
        raise RuntimeError(f"login with {PASSWORD} failed")

    world.plan = (task("leaky", leak),)
    paths = ("/cluster/global", "/cluster/global/progress", "/engine", "/questions")
    async with (
        world.engine(bundle=world.settings.bundle) as desk,
        world.client(claim=False) as client,
        world.curl() as curl,
        watching(client) as watcher,
    ):
        assert (await curl("POST", "/api/cluster", document()))[0] == 201
        await desk.keeper.ended()
        await watcher.has("run_finished")
        told = [str(await curl("GET", f"/api{path}")) for path in paths]
        told += [str(event) for event in watcher.events]
    everything = "".join(told)
    assert "leaky" in everything
    assert PASSWORD not in everything
    assert ENCODED not in everything


async def test_the_same_input_twice_is_fine_and_another_is_a_conflict(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (task("long", held),)
    async with world.engine(bundle=world.settings.bundle), world.curl() as curl:
        assert (await curl("POST", "/api/cluster", document()))[0] == 201
        await until(lambda: held.begun == 1)
        assert (await curl("POST", "/api/cluster", document()))[0] == 201
        status, answer = await curl("POST", "/api/cluster", document("192.0.2.12"))
        assert status == 409
        assert "another input" in answer["title"]
        assert held.begun == 1
        held.go_on.set()


async def test_an_installation_begins_again_when_asked_with_its_own_input_or_another(
    world: DaemonWorld,
) -> None:
    held = Held()
    world.plan = (task("a"), task("long", held))
    async with world.engine(bundle=world.settings.bundle) as desk, world.curl() as curl:
        assert (await curl("PUT", "/api/cluster/global/restart"))[0] == 409
        await curl("POST", "/api/cluster", document())
        await until(lambda: held.begun == 1)
        assert (await curl("PUT", "/api/cluster/global/restart"))[0] == 409
        assert (await curl("POST", "/api/cluster?force=true", document("192.0.2.12")))[0] == 409
        held.go_on.set()
        await desk.keeper.ended()

        before = world.directory.journal.read_bytes()
        assert (await curl("PUT", "/api/cluster/global/restart"))[0] == 200
        await desk.keeper.ended()
        assert held.begun == 2, "what was done is gone through again"
        assert desk.keeper.status == "success"
        kept = list(world.directory.root.glob("journal.jsonl.before-*"))
        assert [path.read_bytes() for path in kept] == [before]

        assert (await curl("POST", "/api/cluster?force=true", document("192.0.2.12")))[0] == 201
        await desk.keeper.ended()
        assert held.begun == 3
        machines = (await curl("GET", "/api/cluster/global"))[1]["cluster"]["spec"]["machines"]
        assert [machine["ip"] for machine in machines] == ["192.0.2.12"]


async def test_a_wrong_input_is_unprocessable_with_every_error(world: DaemonWorld) -> None:
    async with world.engine(bundle=world.settings.bundle), world.curl() as curl:
        wrong = document("192.0.2.300")
        wrong["cluster"]["spec"]["clusterCIDR"] = "10.0.0.0/99"
        status, answer = await curl("POST", "/api/cluster", wrong)
        assert status == 422
        paths = {finding["path"] for finding in answer["findings"]}
        assert {"cluster.spec.machines[0].ip", "cluster.spec.clusterCIDR"} <= paths
        assert all(answer[key] for key in ("title", "detail", "fix"))
        assert not world.directory.para.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("GET", "/api/nothing", None, 404, "/api/nothing"),
        ("GET", "/api/cluster/other", None, 404, "other"),
        ("GET", "/api/cluster/global", None, 404, "POST /api/cluster"),
        ("GET", "/api/cluster/global/result", None, 409, "no finished installation"),
        ("DELETE", "/api/cluster/global/retry", None, 405, "PUT"),
        ("PUT", "/api/cluster/global/retry", None, 409, "no installation"),
        ("PUT", "/api/cluster/global/retry", {"tasks": "all"}, 400, "tasks"),
        ("PUT", "/api/cluster/global/skip", {}, 400, "task"),
        ("PUT", "/api/cluster/global/resume", None, 409, "no installation"),
        ("PUT", "/api/questions/7", {"yes": True}, 404, "7"),
        ("PUT", "/api/questions/7", {"yes": "yes"}, 400, "true or false"),
        ("PUT", "/api/control", None, 422, "X-Client"),
        ("POST", "/api/cluster", [], 400, "object"),
        ("POST", "/api/cluster", {}, 422, "bundle"),
        ("POST", "/api/cluster", {"settings": {"bundle": "/absent"}}, 422, "/absent"),
        ("POST", "/api/cluster", {"settings": {"bundle": "/absent", "replicas": "two"}}, 400, "replicas"),
        ("POST", "/api/ssh", {}, 400, "host"),
        ("POST", "/api/ssh", {"host": "192.0.2.1", "password": "not base64"}, 400, "base64"),
        ("GET", "/api/events?after=x", None, 400, "number"),
    ],
)
async def test_errors_are_explained(
    world: DaemonWorld, method: str, path: str, body: object, status: int, word: str
) -> None:
    async with world.engine(), world.curl() as curl:
        found, answer = await curl(method, path, body)
        assert found == status, answer
        assert set(answer) >= {"title", "detail", "fix"}
        assert word in json.dumps(answer), answer


async def test_a_body_that_is_no_json_or_too_large_is_refused(world: DaemonWorld) -> None:
    connector = aiohttp.UnixConnector(path=str(world.directory.socket))
    async with world.engine(), aiohttp.ClientSession(connector=connector) as session:
        for body, status in ((b"{", 400), (b"\xff", 400), (b" " * (5 << 20), 413)):
            async with session.post("http://engine/api/cluster", data=io.BytesIO(body)) as response:
                assert response.status == status
                assert (await response.json())["title"]


async def test_a_failure_is_tried_again_as_in_the_original(world: DaemonWorld) -> None:
    world.plan = (task("a", failing(1)), task("b"))
    async with world.engine(bundle=world.settings.bundle) as desk, world.curl() as curl:
        await curl("POST", "/api/cluster", document())
        await desk.keeper.ended()
        assert (await curl("GET", "/api/cluster/global/progress"))[1]["status"] == "Failed"
        assert (await curl("PUT", "/api/cluster/global/retry"))[0] == 200
        await desk.keeper.ended()
        assert (await curl("GET", "/api/cluster/global/progress"))[1]["status"] == "Success"
        status, answer = await curl("PUT", "/api/cluster/global/retry")
        assert (status, answer["title"]) == (409, "There is nothing to try again")


async def test_names_of_tasks_are_checked(world: DaemonWorld) -> None:
    world.plan = (task("a", failing(1)), task("b"))
    async with world.engine(bundle=world.settings.bundle) as desk, world.curl() as curl:
        await curl("POST", "/api/cluster", document())
        await desk.keeper.ended()
        for path, body, status in (
            ("retry", {"tasks": ["x"]}, 404),
            ("retry", {"tasks": ["b"]}, 409),
            ("skip", {"task": "a"}, 409),
            ("skip", {"task": "x"}, 404),
            ("machines/192.0.2.99/login", {"port": 22}, 404),
            ("machines/192.0.2.11/login", {"port": 0}, 422),
            ("machines/192.0.2.11/login", {"colour": "red"}, 422),
        ):
            answer = await curl("PUT", f"/api/cluster/global/{path}", body)
            assert answer[0] == status, answer
        assert desk.keeper.phase == "ended"


async def test_a_command_is_carried_out_though_its_client_went_away(world: DaemonWorld) -> None:
    body = json.dumps(document()).encode()
    async with world.engine(bundle=world.settings.bundle) as desk:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(world.directory.socket))
            head = f"POST /api/cluster HTTP/1.1\r\nHost: engine\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            await until(lambda: desk.presence.absence() is None)
        await until(lambda: desk.keeper.status == "success")


async def test_a_path_too_long_for_an_address_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = DaemonWorld(tmp_path, monkeypatch)
    world.directory = InstallDir(tmp_path / ("long" * 20) / ("name" * 20))
    assert len(os.fsencode(world.directory.socket)) > LONGEST
    async with world.engine(), world.client() as client:
        assert (await client.status()).phase == "idle"
        before = set(Path("/proc/self/fd").iterdir())
        with address(world.directory.socket) as name:
            assert len(name) < LONGEST
        assert set(Path("/proc/self/fd").iterdir()) == before


async def test_what_a_dead_engine_left_is_replaced(world: DaemonWorld) -> None:
    world.directory.create()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(world.directory.socket))
    async with world.engine(), world.client() as client:
        assert (await client.status()).alive


async def test_an_unexpected_error_tells_nothing_of_what_was_sent(
    world: DaemonWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(bodies, "input_of", broken)
    async with world.engine(), world.curl() as curl:
        status, answer = await curl("POST", "/api/cluster", document())
    assert status == 500
    assert "engine.log" in answer["detail"]
    noted = capsys.readouterr().err
    assert "RuntimeError" in noted
    assert PASSWORD not in noted + str(answer)


async def test_settings_come_with_the_input(world: DaemonWorld) -> None:
    world.plan = (task("one", nothing, on=Scope.ALL),)
    settings = world.settings.as_dict() | {"replicas": 1, "hostKeyPolicy": "accept-new"}
    async with world.engine() as desk, world.curl() as curl:
        assert (await curl("POST", "/api/cluster", document() | {"settings": settings}))[0] == 201
        await desk.keeper.ended()
    saved = json.loads(world.directory.options.read_text())
    assert (saved["replicas"], saved["hostKeyPolicy"], saved["bundle"]) == (
        1,
        "accept-new",
        str(world.settings.bundle),
    )


async def test_an_engine_at_work_does_not_leave(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (task("long", held),)
    left = asyncio.Event()
    async with world.engine(bundle=world.settings.bundle, leave=left.set), world.curl() as curl:
        await curl("POST", "/api/cluster", document())
        await until(lambda: held.begun == 1)
        assert (await curl("DELETE", "/api/engine"))[0] == 409
        assert (await curl("PUT", "/api/cluster/global/stop"))[0] == 202
        await until(lambda: not left.is_set() and held.begun == 1)
        status = 409
        while status == 409:
            status, _ = await curl("DELETE", "/api/engine")
        assert status == 202
        assert left.is_set()

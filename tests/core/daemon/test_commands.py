"""What clients can have the engine do, who may, and what happens to work that is under way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.core.daemon.world import PASSWORD, DaemonWorld, Held, Watcher, failing, para, watching
from tests.core.engine_world import task, until
from tke_tui.client import LoginWays, MachineLogin, Refused
from tke_tui.core.adapters.ssh_types import HostKeyQuestion
from tke_tui.core.context import Context
from tke_tui.core.daemon.control import PATIENCE, Client, Control, NotInControl
from tke_tui.core.errors import Unreachable
from tke_tui.core.events import ControlChanged, QuestionAnswered, QuestionAsked, TaskFailed
from tke_tui.core.installation import look, resume
from tke_tui.core.lock import DirectoryLock
from tke_tui.core.model.fields import reveal
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.task import Need, Scope
from tke_tui.lab.sshd import CommandEnv, LabSshd, Reply


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DaemonWorld:
    return DaemonWorld(tmp_path, monkeypatch)


# --- repeating, skipping, stopping ---


async def test_retry_and_skip_beside_running_work(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (
        task("a", failing(1)),
        task("b", needs=[Need("a")]),
        task("optional", failing(9), skippable=True),
        task("c", needs=[Need("optional")]),
        task("long", held),
    )
    async with world.engine(), world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await watcher.has("task_blocked", 2)
        await client.retry(["a"])
        await watcher.until(lambda: "b" in watcher.kinds("task_succeeded"))
        await client.skip("optional")
        await watcher.until(lambda: "c" in watcher.kinds("task_succeeded"))
        assert (held.begun, (await client.status()).phase) == (1, "running")
        held.go_on.set()
        await watcher.has("run_finished")
        assert watcher.kinds("run_started") == [""]
    assert resume(world.directory).directory.root == world.directory.root


async def test_after_the_end_a_retry_begins_another_run_of_what_is_asked_for(world: DaemonWorld) -> None:
    world.plan = (task("a", failing(1)), task("b", failing(1)), task("c", needs=[Need("a")]), task("d"))
    async with world.engine() as desk, world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await watcher.has("run_finished")
        await client.retry(["a"])
        await watcher.has("run_finished", 2)
        started = watcher.kinds("task_started")
        assert (started.count("a"), started.count("b"), started.count("c"), started.count("d")) == (
            2,
            1,
            1,
            1,
        )
        await client.retry()
        await watcher.has("run_finished", 3)
        assert watcher.kinds("task_started")[-1] == "b"
        await desk.keeper.ended()
        status = await client.status()
        assert (status.phase, status.run) == ("ended", "success")


async def test_after_the_end_a_skip_goes_on_without(world: DaemonWorld) -> None:
    world.plan = (
        task("optional", failing(9), skippable=True),
        task("b", needs=[Need("optional")]),
        task("x", failing(9)),
    )
    async with world.engine(), world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await watcher.has("run_finished")
        await client.skip("optional")
        await watcher.has("run_finished", 2)
        assert "b" in watcher.kinds("task_succeeded")
        assert watcher.kinds("task_started").count("x") == 1
        assert watcher.kinds("task_failed").count("x") == 2


async def test_a_wish_at_the_very_end_of_a_run_is_not_lost(world: DaemonWorld) -> None:
    """Between the last outcome and the end of the run nothing can be added to it: another one begins."""
    world.plan = (task("a", failing(3)),)
    async with world.engine() as desk, world.client() as client:
        failures = asyncio.Event()
        desk.hub.tell = lambda event: failures.set() if isinstance(event, TaskFailed) else None  # type: ignore[method-assign]
        await client.start(para(), world.settings)
        for _ in range(3):
            async with asyncio.timeout(10):
                await failures.wait()
            failures.clear()
            await client.retry()
        await desk.keeper.ended()
        assert desk.keeper.status == "success"


async def test_stop_and_resume(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (task("a"), task("long", held))
    async with world.engine() as desk, world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await until(lambda: held.begun == 1)
        await client.stop()
        await watcher.has("run_finished")
        await desk.keeper.ended()
        assert (await client.status()).run == "cancelled"
        held.go_on.set()
        await client.resume()
        await watcher.has("run_finished", 2)
        await desk.keeper.ended()
        assert watcher.kinds("task_started") == ["a", "long", "long"]
        await client.resume()
        assert (await client.status()).phase == "ended"


async def test_what_keeps_an_engine_from_running_is_told(world: DaemonWorld) -> None:
    world.plan = (task("a", failing(1)),)
    async with world.engine() as desk, world.client() as client, watching(client) as watcher:
        await client.start(para(), world.settings)
        await desk.keeper.ended()
        world.directory.para.write_text("{")
        with pytest.raises(Refused, match=r"tke\.json cannot be read"):
            await client.retry()
        world.directory.para.unlink()
        with DirectoryLock(world.directory.lock), pytest.raises(Refused, match="Another engine"):
            await client.start(para("192.0.2.77"), world.settings)
        await client.start(para("192.0.2.77"), world.settings)
        await watcher.has("run_finished", 2)


# --- logins ---


async def test_a_login_is_mended_while_the_rest_goes_on(world: DaemonWorld) -> None:
    held = Held()
    used: list[str] = []

    async def log_in(ctx: Context) -> None:
        assert ctx.machine is not None
        password = reveal(ctx.machine.password)
        used.append(password)
        if str(ctx.machine.ip) == "192.0.2.12" and password != "the-right-one":
            raise Unreachable("refused", detail=f"tried {password}")

    world.plan = (task("login", log_in, on=Scope.ALL), task("long", held))
    async with world.engine(), world.client() as client, watching(client) as watcher:
        await client.start(para("192.0.2.11", "192.0.2.12"), world.settings)
        failed = await watcher.has("task_failed")
        assert "tried ******" in str(failed)
        await client.fix_login("192.0.2.12", MachineLogin(password="the-right-one", port=2222))
        await watcher.until(lambda: "login@192.0.2.12" in watcher.kinds("task_succeeded"))
        assert held.begun == 1
        held.go_on.set()
        await watcher.has("run_finished")
    saved = look(world.directory).para.machines
    assert (reveal(saved[1].password), saved[1].port) == ("the-right-one", 2222)
    assert (reveal(saved[0].password), saved[0].port) == (PASSWORD, 22)
    assert used == [PASSWORD, PASSWORD, "the-right-one"]
    for path in world.directory.root.rglob("*"):
        assert not path.is_file() or b"the-right-one" not in path.read_bytes()


async def test_a_login_is_mended_after_the_end(world: DaemonWorld) -> None:
    async def check(ctx: Context) -> None:
        if reveal(ctx.para.machines[0].password) != "the-right-one":
            raise Unreachable("refused")

    world.plan = (task("Preflight", check), task("other", failing(9), on=Scope.ALL))
    async with world.engine() as desk, world.client() as client, watching(client) as watcher:
        await client.start(para("192.0.2.11", "192.0.2.12"), world.settings)
        await watcher.has("run_finished")
        await desk.keeper.ended()
        await client.fix_login("192.0.2.11", MachineLogin(password="the-right-one"))
        await watcher.has("run_finished", 2)
        started = watcher.kinds("task_started")
        assert started.count("Preflight") == 2
        assert started.count("other@192.0.2.11") == 2
        assert started.count("other@192.0.2.12") == 1
        with pytest.raises(Refused, match=r"192\.0\.2\.99"):
            await client.fix_login("192.0.2.99", MachineLogin(port=1))


async def nproc(argv: list[str], stdin: bytes, env: CommandEnv) -> Reply | None:
    match argv:
        case ["cat", "/etc/os-release"]:
            return 0, 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n', ""
        case ["getconf", "_NPROCESSORS_ONLN"]:
            return 0, "8\n", ""
        case ["cat", "/proc/meminfo"]:
            return 0, "MemTotal:       32819000 kB\n", ""
    return None


async def test_a_trial_login_says_what_the_machine_is_once_its_host_key_was_accepted(
    world: DaemonWorld, tmp_path: Path
) -> None:
    async with (
        LabSshd(tmp_path / "machine", commands=nproc) as server,
        world.engine(),
        world.client() as client,
    ):
        machine = para("127.0.0.1", port=server.port).machines[0]
        machine.password = None
        machine.private_key = server.client_key_text.encode()  # type: ignore[assignment]
        first = await client.test_login(machine)
        assert not first.ok
        assert first.fingerprint.startswith("SHA256:")
        assert "host key" in first.title
        wrong = await client.accept_host_key(machine, "SHA256:another")
        assert not wrong.ok
        accepted = await client.accept_host_key(machine, first.fingerprint)
        assert (accepted.ok, accepted.facts) == (True, "Debian 12, 8 CPU, 31 GiB")
        assert (await client.test_login(machine)).ok
        assert "127.0.0.1" in world.directory.known_hosts.read_text()


async def test_a_trial_login_goes_the_way_that_an_ssh_config_names(
    world: DaemonWorld, tmp_path: Path
) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host 10.0.0.11\n    HostName 127.0.0.1\n")
    async with (
        LabSshd(tmp_path / "machine", commands=nproc) as server,
        world.engine(),
        world.client() as client,
    ):
        machine = para("10.0.0.11", port=server.port).machines[0]
        ways = LoginWays(config, use_agent=False)
        unknown = await client.test_login(machine, ways)
        assert server.host_key is not None
        assert unknown.fingerprint == server.host_key.get_fingerprint()

        # An installation's own counts for whoever names none.
        world.directory.create()
        settings = RunSettings(tmp_path / "bundle", ssh_config=config)
        world.directory.options.write_text(json.dumps(settings.as_dict()))
        assert (await client.test_login(machine)).fingerprint == unknown.fingerprint


async def test_a_trial_login_that_fails_is_an_answer_without_the_password(
    world: DaemonWorld, tmp_path: Path
) -> None:
    async with LabSshd(tmp_path / "machine") as server, world.engine(), world.client() as client:
        machine = para("127.0.0.1", port=server.port).machines[0]
        unknown = await client.test_login(machine)
        refused = await client.accept_host_key(machine, unknown.fingerprint)
        assert "refuses the login" in refused.title
        assert refused.fix
        assert PASSWORD not in str(refused)
        machine.port = 1
        assert not (await client.test_login(machine)).ok


# --- questions ---


async def test_a_question_waits_for_whoever_attaches(world: DaemonWorld) -> None:
    key = HostKeyQuestion("192.0.2.11", 22, "ssh-ed25519", "SHA256:abc")
    answers: list[bool] = []
    async with world.engine() as desk:

        async def ask(ctx: Context) -> None:
            answers.append(await desk.questions.ask_host_key(key))

        world.plan = (task("a", ask),)
        async with world.client() as starter:
            await starter.start(para(), world.settings)
        async with world.client() as client, watching(client) as watcher, world.curl() as curl:
            asked = await watcher.has("question_asked")
            assert isinstance(asked, QuestionAsked)
            assert (asked.host, asked.fingerprint) == ("192.0.2.11", "SHA256:abc")
            assert [q["question"] for q in (await curl("GET", "/api/questions"))[1]] == [asked.question]
            await client.answer(asked.question, True)
            answered = await watcher.has("question_answered")
            assert isinstance(answered, QuestionAnswered)
            assert answered.yes
            await watcher.has("run_finished")
            with pytest.raises(Refused, match="not open"):
                await client.answer(asked.question, True)
        assert answers == [True]


async def test_a_stop_withdraws_a_question(world: DaemonWorld) -> None:
    async with world.engine() as desk, world.client() as client, watching(client) as watcher:

        async def ask(ctx: Context) -> None:
            await desk.questions.ask_host_key(HostKeyQuestion("h", 22, "a", "f"))

        world.plan = (task("a", ask),)
        await client.start(para(), world.settings)
        await watcher.has("question_asked")
        await client.stop()
        await watcher.has("question_answered")
        await watcher.has("run_finished")
        assert desk.questions.open == []


# --- control ---


async def test_the_second_client_only_looks_on_until_it_takes_over(world: DaemonWorld) -> None:
    held = Held()
    world.plan = (task("a", failing(1)), task("long", held))
    async with (
        world.engine(),
        world.client("ann on pts/1") as ann,
        world.client("bob on pts/2") as bob,
        watching(ann) as of_ann,
    ):
        await of_ann.has("control_changed")
        async with watching(bob) as of_bob:
            first = await of_bob.has("control_changed")
            assert isinstance(first, ControlChanged)
            assert first.controller.startswith("ann on pts/1 since ")
            assert not first.mine
            await ann.start(para(), world.settings)
            await of_bob.has("task_failed")
            with pytest.raises(Refused) as caught:
                await bob.retry()
            assert (caught.value.status, "ann on pts/1" in caught.value.detail) == (409, True)
            for command in (bob.stop(), bob.skip("a"), bob.resume(), bob.start(para(), world.settings)):
                with pytest.raises(Refused, match="Another client"):
                    await command
            assert (await ann.status()).mine
            await bob.take_control()
            changed = await of_ann.has("control_changed", 2)
            assert isinstance(changed, ControlChanged)
            assert (changed.controller.split(" since")[0], changed.mine) == ("bob on pts/2", False)
            await bob.retry()
            with pytest.raises(Refused, match="Another client"):
                await ann.stop()
            held.go_on.set()
            await of_ann.has("run_finished")


async def test_control_is_free_again_when_its_holder_leaves(world: DaemonWorld) -> None:
    async with world.engine() as desk, world.client("bob") as bob, world.client("ann") as ann:
        following = Watcher(ann)
        await following.has("control_changed")
        async with watching(bob) as of_bob:
            await of_bob.has("control_changed")
            await ann.close()
            await following.ended()
            free = await of_bob.has("control_changed", 2)
            assert isinstance(free, ControlChanged)
            assert free.controller == ""
            await bob.start(para(), world.settings)
            await of_bob.has("run_finished")
            assert desk.control.phrase.startswith("bob since")


async def test_a_read_only_client_does_not_claim(world: DaemonWorld) -> None:
    async with world.engine() as desk, world.client(claim=False) as viewer, watching(viewer) as watcher:
        await watcher.has("control_changed")
        assert desk.control.phrase == ""


def test_control_without_a_stream_runs_out() -> None:
    now = 0.0
    changes: list[None] = []
    control = Control(lambda: changes.append(None), monotonic=lambda: now)
    control.require(Client("ann", "ann"))
    assert control.phrase == ""
    control.take(Client("ann", "ann"))
    with pytest.raises(NotInControl):
        control.require(Client("", "curl"))
    now = PATIENCE - 1
    control.require(Client("ann", "ann"))
    now = 2 * PATIENCE - 2
    assert control.is_held_by("ann")
    now = 2 * PATIENCE
    control.require(Client("", "curl"))
    assert control.phrase == ""
    assert len(changes) == 2


# --- checks ---


async def test_checks_without_an_installation_give_findings_and_leave_nothing(
    world: DaemonWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    unreachable = para("127.0.0.2", port=1)
    async with world.engine(), world.client() as client:
        found = [finding async for finding in client.preflight(unreachable, world.settings)]
        assert any(finding.check == "SSH" and finding.node == "127.0.0.2" for finding in found)
        assert PASSWORD not in str(found)
        assert not world.directory.para.exists()
        with pytest.raises(Refused) as caught:
            await anext(client.preflight(para("192.0.2.300"), world.settings))
        assert "cluster.spec.machines[0].ip" in json.dumps(caught.value.findings)
    assert list(scratch.iterdir()) == []


async def test_checks_end_when_their_client_goes_away(
    world: DaemonWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    reached = asyncio.Event()

    async def hang(argv: list[str], stdin: bytes, env: CommandEnv) -> Reply:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with LabSshd(tmp_path / "machine", commands=hang) as server, world.engine() as desk:
        machine = para("127.0.0.1", port=server.port)
        machine.machines[0].private_key = server.client_key_text.encode()  # type: ignore[assignment]
        settings = type(world.settings)(world.settings.bundle, host_key_policy="accept-new")
        async with world.client() as client:

            async def check() -> None:
                async for _ in client.preflight(machine, settings):
                    pass

            checking = asyncio.create_task(check())
            await reached.wait()
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
            await until(lambda: desk.presence.absence() is not None)
        assert list(scratch.iterdir()) == []

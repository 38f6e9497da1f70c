"""The engine as a process of its own: what it survives, what it leaves, who may start it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.core.daemon.world import PASSWORD, Watcher, document, para, seqs, watching
from tests.core.test_bundle import make as make_bundle
from tke_tui.client import EngineLost, NoEngine, Refused
from tke_tui.client_connect import connect, make_room, reattached, start_engine
from tke_tui.client_directory import DirectoryClient
from tke_tui.core.daemon.process import IDLE
from tke_tui.core.errors import StateError
from tke_tui.core.journal import read_events
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def directory(tmp_path: Path) -> InstallDir:
    return InstallDir(tmp_path / "site")


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    return RunSettings(make_bundle(tmp_path / "bundle"), host_key_policy="strict")


@pytest.fixture
async def model(directory: InstallDir, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Engines that are started are model engines; at the end the one of the directory is ended."""
    python = directory.root.parent / "python"
    lines = (
        "#!/bin/sh",
        'while [ "$1" != tke_tui ]; do shift; done',
        "shift",
        f"cd {ROOT}",
        f'exec {sys.executable} -m tests.core.daemon.model_engine "$@"',
    )
    python.write_text("\n".join(lines) + "\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    yield
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(await pid_of(directory), signal.SIGKILL)


async def pid_of(directory: InstallDir) -> int:
    client = await connect(directory)
    try:
        status = await client.status()
    finally:
        await client.close()
    if not status.pid:
        raise ProcessLookupError
    return status.pid


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


async def there(path: Path) -> None:
    async with asyncio.timeout(40):
        while not path.exists():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


def hold(directory: InstallDir, *names: str) -> None:
    directory.create()
    for name in (directory.lock.name, *names):
        (directory.root / name).touch(mode=0o600)


async def test_a_started_engine_is_detached_from_everything(
    directory: InstallDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    monkeypatch.setenv("OF_THE_PERSON", "kept")
    await start_engine(directory, arguments=("--idle", "30"))
    pid = await pid_of(directory)
    try:
        os.close(writing)
        assert os.read(reading, 1) == b""
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert os.getsid(pid) not in (os.getsid(0), pid)
        assert int(status["SigIgn"], 16) & 1 << (signal.SIGHUP - 1)
        assert status["Umask"].strip() == "0077"
        assert status["PPid"].strip() != str(os.getpid())
        assert Path(f"/proc/{pid}/fd/0").readlink() == Path(os.devnull)
        for number in (1, 2):
            assert Path(f"/proc/{pid}/fd/{number}").readlink() == directory.engine_log
        assert Path(f"/proc/{pid}/cwd").readlink() == directory.root
        assert b"OF_THE_PERSON=kept" in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGTERM)
    await gone(pid)
    assert not directory.socket.exists()


async def test_a_hang_up_and_a_killed_client_leave_the_engine_at_work_until_it_is_told_to_end(
    directory: InstallDir, settings: RunSettings, model: None, tmp_path: Path
) -> None:
    """A client in a session of its own starts the engine; then its terminal is hung up and it is killed.

    Nothing of the password is to be seen meanwhile, and the end by SIGTERM is one as by a person's stop.
    """
    hold(directory, "hold")
    (tmp_path / "input.json").write_text(json.dumps(document() | {"settings": settings.as_dict()}))
    script = tmp_path / "client.py"
    script.write_text(
        "import asyncio, json, sys\n"
        "from pathlib import Path\n"
        "from tke_tui import client_connect\n"
        "from tke_tui.core.paths import InstallDir\n"
        f"sys.executable = {sys.executable!r}\n"
        "async def main():\n"
        f"    client = await client_connect.connect(InstallDir(Path({str(directory.root)!r})), start=True)\n"
        f"    await client._ask('POST', '/cluster', json.load(open({str(tmp_path / 'input.json')!r})))\n"
        "    async for event in client.events():\n"
        "        print(event.kind, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [str(Path(sys.prefix) / "bin/python"), str(script)],
        start_new_session=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        await there(directory.root / "at-work")
        pid = await pid_of(directory)
        os.killpg(process.pid, signal.SIGHUP)
        os.kill(pid, signal.SIGHUP)
    finally:
        process.kill()
        process.communicate()
    client = await connect(directory, start=True)
    following = Watcher(client)
    status = await client.status()
    assert (status.pid, status.phase, status.run) == (pid, "running", "doing")
    for name in ("cmdline", "environ"):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    os.kill(pid, signal.SIGTERM)
    await gone(pid)
    await following.ended()
    await client.close()
    kinds = [event.kind for event in read_events(directory.journal)]
    assert kinds[-2:] == ["task_cancelled", "run_finished"]
    assert seqs(following.events) == [event.seq for event in read_events(directory.journal)]
    assert "told to end" in directory.engine_log.read_text()
    for path in directory.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


async def test_a_killed_engine_is_noticed_and_another_one_goes_on(
    directory: InstallDir, settings: RunSettings, model: None
) -> None:
    hold(directory, "hold")
    client = await connect(directory, start=True)
    await client.start(para(), settings)
    await there(directory.root / "at-work")
    following = Watcher(client)
    await following.has("task_succeeded")
    pid = (await client.status()).pid
    os.kill(pid, signal.SIGKILL)
    await following.ended()
    assert isinstance(following.error, EngineLost)
    await client.close()

    left = await connect(directory)
    assert isinstance(left, DirectoryClient)
    status = await left.status()
    assert (status.alive, status.phase, status.run) == (False, "ended", "doing")
    told = [e async for e in left.events()]
    assert [e for e in told if e.durable] == list(read_events(directory.journal))
    with pytest.raises(NoEngine) as caught:
        await left.retry()
    assert "--resume" in caught.value.fix

    (directory.root / "hold").unlink()
    attempts = 0
    async for found in reattached(directory):
        attempts += 1
        if found is None:
            await start_engine(directory)
        else:
            again = found
    assert attempts == 2
    async with watching(again, after=max(seqs(following.events))) as watcher:
        assert (await again.status()).pid != pid
        await again.resume()
        await watcher.has("run_finished")
        assert "first@192.0.2.11" not in watcher.kinds("task_started")
        assert "long" in watcher.kinds("task_succeeded")
    await again.close()


async def test_of_two_that_are_started_at_once_one_serves_both_until_nobody_needs_it(
    directory: InstallDir, settings: RunSettings, model: None
) -> None:
    hold(directory, "broken")
    start = start_engine(directory, arguments=("--ended", "0.3"))
    await asyncio.gather(start, start_engine(directory, arguments=("--ended", "0.3")))
    client, other = await connect(directory), await connect(directory)
    pid = (await client.status()).pid
    assert (await other.status()).pid == pid
    await other.close()
    async with watching(client) as watcher:
        await client.start(para(), settings)
        await watcher.has("run_finished")
        (directory.root / "broken").unlink()
        await client.retry()
        await watcher.has("run_finished", 2)
    await client.close()
    await gone(pid)
    assert "nobody needs it any more (ended)" in directory.engine_log.read_text()


async def test_one_that_was_only_needed_for_a_trial_ends_soon_after_its_client(
    directory: InstallDir, model: None
) -> None:
    client = await connect(directory)
    pid = (await client.status()).pid
    async with watching(client):
        await client.test_login(para(port=1).machines[0])
    begun = time.monotonic()
    await client.close()
    await gone(pid)
    assert time.monotonic() - begun < IDLE / 2


async def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    tmp_path.chmod(0o755)
    with pytest.raises(StateError) as caught:
        await start_engine(InstallDir(tmp_path))
    assert "not empty" in caught.value.detail
    assert "--dir" in caught.value.fix
    assert (tmp_path.stat().st_mode & 0o777, len(list(tmp_path.iterdir()))) == (0o755, 1)


async def test_a_run_in_a_terminal_can_be_watched_but_not_commanded(
    directory: InstallDir, settings: RunSettings, tmp_path: Path, model: None
) -> None:
    """A lingering engine process makes room for it, and nobody is told to start another."""
    hold(directory, "hold")
    (tmp_path / "input.json").write_text(json.dumps(document()))
    lingering = await connect(directory, start=True)
    await lingering.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tke_tui", "install", "--no-ui", "-c", str(tmp_path / "input.json"),
        "--bundle", str(settings.bundle), "--dir", str(directory.root),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await there(directory.root / "at-work")
        viewer = await connect(directory, start=True)
        async with watching(viewer) as watcher:
            status = await viewer.status()
            assert (status.phase, status.read_only, status.mine) == ("running", True, False)
            await watcher.has("task_started")
            for command in (viewer.stop(), viewer.take_control(), viewer.retry()):
                with pytest.raises(Refused, match="foreground"):
                    await command
            (directory.root / "hold").unlink()
            await watcher.has("run_finished")
            assert seqs(watcher.events) == [event.seq for event in read_events(directory.journal)]
        await viewer.close()
    finally:
        (directory.root / "hold").unlink(missing_ok=True)
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert not directory.socket.exists()
    await make_room(directory)


async def test_a_run_goes_on_without_a_socket(
    directory: InstallDir, settings: RunSettings, tmp_path: Path, model: None
) -> None:
    (tmp_path / "input.json").write_text(json.dumps(document()))
    hold(directory, "hold")
    directory.socket_lock.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tke_tui", "install", "--no-ui", "-c", str(tmp_path / "input.json"),
        "--bundle", str(settings.bundle), "--dir", str(directory.root),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await there(directory.root / "at-work")
    viewer = await connect(directory)
    assert isinstance(viewer, DirectoryClient)
    async with watching(viewer) as watcher:
        status = await viewer.status()
        assert (status.alive, status.read_only, status.phase) == (True, True, "running")
        with pytest.raises(NoEngine, match="cannot be reached"):
            await viewer.stop()
        (directory.root / "hold").unlink()
        await watcher.has("run_finished")
        await watcher.ended()
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"Nobody can attach" in output

"""An engine process inside the test: real socket, real engine, real files; a plan of small tasks without machines."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.core.engine_world import Body, nothing, task
from tests.core.test_bundle import make as make_bundle
from tke_tui.client import EngineClient
from tke_tui.client_unix import UnixEngineClient
from tke_tui.core.context import Context
from tke_tui.core.daemon.desk import Desk
from tke_tui.core.daemon.process import serving
from tke_tui.core.daemon.seat import Seat
from tke_tui.core.errors import Fatal
from tke_tui.core.events import Event
from tke_tui.core.graph import Graph, Listed, build_graph
from tke_tui.core.installation import Installation
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.core.run_settings import RunSettings
from tke_tui.core.task import Task

PASSWORD = "the-password-of-a-test"
ENCODED = base64.b64encode(PASSWORD.encode()).decode()


def document(*ips: str, **machine: Any) -> dict[str, Any]:
    """An input as a client posts it."""
    login = {"username": "root", "password": ENCODED}
    return {
        "cluster": {"spec": {"machines": [{"ip": ip, **login, **machine} for ip in ips or ("192.0.2.11",)]}},
        "Config": {
            "basic": {"username": "admin", "password": ENCODED},
            "auth": {"tke": {}},
            "registry": {"tke": {}},
            "gateway": {},
        },
    }


def para(*ips: str, **machine: Any) -> CreateClusterPara:
    loaded = parse_para(document(*ips, **machine))
    assert loaded.para is not None
    return loaded.para


class Held:
    """A task's body that waits until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self, ctx: Context) -> None:
        self.begun += 1
        await self.go_on.wait()


def failing(times: int) -> Body:
    """Fails so many times, then ends well."""
    left = times

    async def body(ctx: Context) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise Fatal("broken", detail="still", fix="mend it")

    return body


class DaemonWorld:
    """One installation directory. `plan` are the tasks of whatever is installed in it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = InstallDir(root / "site")
        self.settings = RunSettings(make_bundle(root / "bundle"), host_key_policy="strict")
        self.plan: Sequence[Task] = (task("only", nothing),)
        monkeypatch.setattr(Installation, "plan", property(self._graph))

    def _graph(self, installation: Installation) -> Graph:
        return build_graph([Listed(one, "a step") for one in self.plan], installation.para)

    @contextlib.asynccontextmanager
    async def engine(self, **desk: Any) -> AsyncIterator[Desk]:
        """The engine process's inside, on the directory's own socket."""
        self.directory.create()
        self.directory.lock.touch(mode=0o600)
        seat = Seat(self.directory)
        seat.take()
        made = Desk(self.directory, **desk)
        await made.keeper.look()
        try:
            async with serving(made, seat):
                try:
                    yield made
                finally:
                    made.keeper.stop()
                    await made.keeper.ended()
        finally:
            seat.leave()

    @contextlib.asynccontextmanager
    async def client(
        self, name: str = "root on pts/1", *, claim: bool = True
    ) -> AsyncIterator[UnixEngineClient]:
        client = UnixEngineClient(self.directory, name=name, claim=claim)
        try:
            yield client
        finally:
            await client.close()

    @contextlib.asynccontextmanager
    async def curl(self) -> AsyncIterator[Callable[..., Any]]:
        """call(method, path, json) -> (status, answer), as curl would ask."""
        connector = aiohttp.UnixConnector(path=str(self.directory.socket))
        async with aiohttp.ClientSession(connector=connector) as session:

            async def call(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
                async with session.request(method, f"http://engine{path}", json=body, **more) as response:
                    return response.status, await response.json()

            yield call


class Watcher:
    """Follows a client's events in the background."""

    def __init__(self, client: EngineClient, after: int = 0) -> None:
        self.events: list[Event] = []
        self.error: Exception | None = None
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._follow(client, after))

    async def _follow(self, client: EngineClient, after: int) -> None:
        try:
            async for event in client.events(after):
                self.events.append(event)
                self._more.set()
        except Exception as error:
            self.error = error
        self._more.set()

    def kinds(self, kind: str) -> list[str]:
        return [getattr(event, "task", "") for event in self.events if event.kind == kind]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._more.clear()
                await self._more.wait()

    async def has(self, kind: str, times: int = 1) -> Event:
        """Wait for so many events of a kind; the last of them."""
        await self.until(lambda: len(self.kinds(kind)) >= times)
        return [event for event in self.events if event.kind == kind][times - 1]

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def ended(self) -> None:
        await asyncio.wait((self._task,), timeout=20)
        assert self._task.done()


@contextlib.asynccontextmanager
async def watching(client: EngineClient, after: int = 0) -> AsyncIterator[Watcher]:
    watcher = Watcher(client, after)
    try:
        yield watcher
    finally:
        await watcher.end()


def seqs(events: Iterable[Event]) -> list[int]:
    return [event.seq for event in events if event.seq and event.durable]

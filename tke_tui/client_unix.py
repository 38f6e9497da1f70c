"""The client of a living engine: HTTP over its Unix socket, 0600, so that passwords stay on this host."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import uuid
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from tke_tui.client import EngineLost, EngineStatus, LoginTest, LoginWays, MachineLogin, Refused
from tke_tui.core.daemon.seat import address
from tke_tui.core.errors import TkeError
from tke_tui.core.events import Event, event_from_dict
from tke_tui.core.paths import InstallDir

if TYPE_CHECKING:
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.probes import Finding
    from tke_tui.core.run_settings import RunSettings

ANSWER = 120.0
"""Seconds for an answer to a command: a login is tried for up to 60."""
STATUS = 10.0
"""Seconds for the one question that takes no work."""
SILENCE = 30.0
"""Seconds without a line after which a stream counts as broken; the engine says something every 5."""
SMALL = 65_536
"""Bytes that are read from a stream at once."""

_BASE = "http://engine/api"
_CLUSTER = "/cluster/global"


class UnixEngineClient:
    """An `EngineClient`. `name` is what others read of who is in control, by default user and terminal.

    With `claim` it gets the commands by attaching, if nobody has them; else by its first command.
    """

    def __init__(self, directory: InstallDir, *, name: str = "", claim: bool = True) -> None:
        self.directory = directory
        self._claim = claim
        self._headers = {"X-Client": uuid.uuid4().hex, "X-Client-Name": name or who_asks()}
        self._stack = contextlib.ExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[aiohttp.ClientResponse] = set()
        self._closed = False

    async def status(self) -> EngineStatus:
        answer = await self._ask("GET", "/engine", seconds=STATUS)
        found = answer["problem"]
        return EngineStatus(
            alive=True,
            pid=answer["pid"],
            phase=answer["phase"],
            version=answer["version"],
            started=answer["started"],
            controller=answer["controller"],
            mine=answer["mine"],
            read_only=answer["readOnly"],
            run=answer["run"],
            problem=None
            if found is None
            else TkeError(found["title"], detail=found["detail"], fix=found["fix"]),
        )

    async def events(self, after: int = 0) -> AsyncGenerator[Event, None]:
        query = f"?after={after}" + ("&claim=true" if self._claim else "")
        async with contextlib.aclosing(self._lines("GET", f"/events{query}")) as lines:
            async for line in lines:
                event = event_from_dict(line)
                if event is not None:
                    yield event
        if not self._closed:
            raise _lost(self.directory, "its socket was closed")

    async def start(self, para: CreateClusterPara, settings: RunSettings) -> None:
        await self._ask("POST", "/cluster", _input(para, settings))

    async def restart(self) -> None:
        await self._ask("PUT", f"{_CLUSTER}/restart")

    async def resume(self) -> None:
        await self._ask("PUT", f"{_CLUSTER}/resume")

    async def retry(self, tasks: Sequence[str] = ()) -> None:
        await self._ask("PUT", f"{_CLUSTER}/retry", {"tasks": list(tasks)})

    async def skip(self, task: str) -> None:
        await self._ask("PUT", f"{_CLUSTER}/skip", {"task": task})

    async def stop(self) -> None:
        await self._ask("PUT", f"{_CLUSTER}/stop")

    async def fix_login(self, node: str, login: MachineLogin) -> None:
        await self._ask("PUT", f"{_CLUSTER}/machines/{node}/login", login.as_dict())

    async def test_login(self, machine: Machine, ways: LoginWays | None = None) -> LoginTest:
        return await self._try_login(machine, _ways(ways))

    async def accept_host_key(
        self, machine: Machine, fingerprint: str, ways: LoginWays | None = None
    ) -> LoginTest:
        return await self._try_login(machine, {"acceptFingerprint": fingerprint, **_ways(ways)})

    async def answer(self, question: str, yes: bool) -> None:
        await self._ask("PUT", f"/questions/{question}", {"yes": yes})

    async def preflight(
        self, para: CreateClusterPara, settings: RunSettings
    ) -> AsyncGenerator[Finding, None]:
        from tke_tui.core.probes import Finding

        body = _input(para, settings)
        async with contextlib.aclosing(self._lines("POST", "/preflight", body, silence=None)) as lines:
            async for line in lines:
                if "problem" in line:
                    raise _refused(line["problem"], 500)
                yield Finding(**line)

    async def take_control(self) -> None:
        await self._ask("PUT", "/control")

    async def result(self, *, reveal: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask("GET", f"{_CLUSTER}/result{'?reveal=true' if reveal else ''}")
        return found

    async def leave(self) -> None:
        """Have the engine process end, unless it is at work (`Refused`)."""
        await self._ask("DELETE", "/engine")

    async def close(self) -> None:
        self._closed = True
        for response in tuple(self._streams):
            response.close()
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._stack.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _try_login(self, machine: Machine, more: dict[str, Any]) -> LoginTest:
        try:
            answer = await self._ask("POST", "/ssh", _login(machine) | more, fine=(200, 400))
        except (EngineLost, Refused) as error:
            return LoginTest(False, title=error.title, detail=error.detail, fix=error.fix)
        if "ok" not in answer:
            return LoginTest(False, title=answer["title"], detail=answer["detail"], fix=answer["fix"])
        del answer["status"]
        return LoginTest(**answer)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        fine: tuple[int, ...] = (200, 201, 202),
        seconds: float = ANSWER,
    ) -> Any:
        """The JSON answer. Raises `Refused` or `EngineLost`."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._open().request(method, f"{_BASE}{path}", json=body, timeout=timeout) as response:
                answer = json.loads(await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _lost(self.directory, _why(error)) from None
        if response.status not in fine:
            raise _refused(answer, response.status)
        return answer

    async def _lines(
        self, method: str, path: str, body: Any = None, *, silence: float | None = SILENCE
    ) -> AsyncGenerator[dict[str, Any], None]:
        """JSON lines of a stream, however long each is; ends when the engine or `close` ends it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=silence)
        try:
            async with self._open().request(method, f"{_BASE}{path}", json=body, timeout=timeout) as response:
                if response.status != 200:
                    raise _refused(json.loads(await response.read()), response.status)
                self._streams.add(response)
                try:
                    rest = b""
                    async for piece in response.content.iter_chunked(SMALL):
                        *whole, rest = (rest + piece).split(b"\n")
                        for line in whole:
                            yield json.loads(line)
                finally:
                    self._streams.discard(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if not self._closed:
                raise _lost(self.directory, _why(error)) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise _lost(self.directory, "this client was closed")
        if self._session is None:
            try:
                name = self._stack.enter_context(address(self.directory.socket))
            except OSError as error:
                raise _lost(self.directory, _why(error)) from None
            connector = aiohttp.UnixConnector(path=name)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session


def _input(para: CreateClusterPara, settings: RunSettings) -> dict[str, Any]:
    from tke_tui.core.model.dump import dump_para

    return dump_para(para, secrets="reveal") | {"settings": settings.as_dict()}


def _ways(ways: LoginWays | None) -> dict[str, Any]:
    if ways is None:
        return {}
    return {
        "sshConfig": None if ways.ssh_config is None else str(ways.ssh_config),
        "useAgent": ways.use_agent,
    }


def _login(machine: Machine) -> dict[str, Any]:
    """The machine as POST /api/ssh wants it."""
    from tke_tui.core.model.fields import encode_base64, reveal

    def secret(value: Any) -> str | None:
        clear = reveal(value)
        return encode_base64(clear.encode("utf-8", "surrogateescape")) if clear else None

    def common(login: Any) -> dict[str, Any]:
        return {
            "port": login.port,
            "password": secret(login.password),
            "privateKey": secret(login.private_key),
            "passPhrase": secret(login.pass_phrase),
        }

    bastion = machine.bastion
    jump = None if bastion is None else common(bastion) | {"ip": bastion.ip, "username": bastion.username}
    return common(machine) | {
        "host": machine.ip,
        "user": machine.username,
        "sudoPassword": secret(machine.sudo_password),
        "hostKey": machine.host_key,
        "bastion": jump,
    }


def who_asks() -> str:
    """`root on pts/3`; without a terminal `root (process 4711)`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"user {os.getuid()}"
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return f"{user} on {Path(os.ttyname(descriptor)).relative_to('/dev')}"
    return f"{user} (process {os.getpid()})"


def _refused(answer: dict[str, Any], status: int) -> Refused:
    findings = tuple(answer.get("findings", ()))
    return Refused(
        answer["title"], detail=answer["detail"], fix=answer["fix"], status=status, findings=findings
    )


def _why(error: Exception) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "it does not answer"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _lost(directory: InstallDir, why: str) -> EngineLost:
    return EngineLost(
        "The engine went away",
        detail=why,
        fix=f"What was done is kept. Continue with: tke-tui --resume --dir {directory.root}",
    )

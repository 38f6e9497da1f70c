"""What the SSH tests share: a pool that trusts new keys, and a pretended machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tke_tui.core.adapters.ssh import SshPool, SshSettings
from tke_tui.core.redact import Redactor
from tke_tui.lab.sshd import CommandEnv, Reply


@asynccontextmanager
async def open_pool(tmp_path: Path, *secrets: str, **changes: Any) -> AsyncIterator[SshPool]:
    """A pool with quick time limits; `changes` replace settings, `secrets` are redacted."""
    values: dict[str, Any] = {
        "known_hosts": tmp_path / "known_hosts",
        "host_key_policy": "accept-new",
        "connect_timeout": 5,
        "login_timeout": 10,
        "use_agent": False,
        **changes,
    }
    pool = SshPool(SshSettings(**values), Redactor(secrets))
    try:
        yield pool
    finally:
        await pool.close()


class Machine:
    """Model with three commands: `echo`, `stdin` (prints what it reads), `hang` (until it is stopped)."""

    def __init__(self) -> None:
        self.hanging = asyncio.Event()
        self.hangs = 0
        self.stopped = 0
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self, argv: list[str], stdin: bytes, env: CommandEnv) -> Reply | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(argv, stdin, env)
        finally:
            self.at_once -= 1

    async def _answer(self, argv: list[str], stdin: bytes, env: CommandEnv) -> Reply | None:
        match argv[0]:
            case "echo":
                # Other commands get a turn in between, so that what may run at once does.
                await asyncio.sleep(0)
                return 0, " ".join(argv[1:]) + "\n", ""
            case "stdin":
                return 0, stdin, ""
            case "whoami":
                return 0, f"{env.user}\n", ""
            case "hang":
                env.write("stdout", "working\n")
                self.hangs += 1
                self.hanging.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.stopped += 1
        return None


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110 - the conditions are about other processes
        await asyncio.sleep(0.005)

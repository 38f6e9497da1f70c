"""Finds the engine of a directory: attaches to the living one, starts one, or does without."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from tke_tui.client import EngineClient, EngineLost
from tke_tui.client_directory import DirectoryClient
from tke_tui.client_unix import UnixEngineClient
from tke_tui.core.daemon.seat import is_taken
from tke_tui.core.errors import StateError, TkeError
from tke_tui.core.paths import InstallDir

STARTING = 60.0
"""Seconds that an engine process may take until it answers."""

LEAVING = 5.0
"""Seconds that an engine process may take to end."""

_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between two attempts to reach a lost engine; the last one is repeated."""


async def connect(
    directory: InstallDir,
    *,
    start: bool = False,
    bundle: Path | None = None,
    name: str = "",
    claim: bool = True,
) -> EngineClient:
    """A client of the engine in this directory.

    Without a living one and without `start`, a `DirectoryClient`. `bundle` is what a started engine takes for inputs
    that name none; `name` and `claim` as in `UnixEngineClient`. Raises `StateError` when an engine cannot be started.
    """
    client = await _attach(directory, name, claim)
    if client is not None:
        return client
    if not start:
        return DirectoryClient(directory)
    await start_engine(directory, bundle=bundle)
    return await _awaited(directory, name, claim)


async def _awaited(directory: InstallDir, name: str, claim: bool) -> EngineClient:
    """A client of an engine whose socket is there, once it answers: a busy host takes its time."""
    try:
        async with asyncio.timeout(STARTING):
            while (client := await _attach(directory, name, claim)) is None:
                if not directory.socket.exists():
                    raise _not_started(directory, "it ended before it could be asked anything", "")
                await asyncio.sleep(_PAUSES[0])
    except TimeoutError:
        raise _not_started(directory, f"it did not answer for {STARTING:.0f} s", "") from None
    return client


async def start_engine(
    directory: InstallDir, *, bundle: Path | None = None, arguments: tuple[str, ...] = ()
) -> None:
    """Start the engine process of a directory, in a session of its own; returns when its socket is there.

    It inherits the environment, so the passphrase file and the SSH agent, and nothing secret of this process. One that
    is there already is fine. `arguments` are further ones of `tke-tui engine`. Raises `StateError`.
    """
    # -P: what lies in the working directory is no part of this program.
    command = [sys.executable, "-P", "-m", "tke_tui", "engine", "--dir", str(directory.root), *arguments]
    if bundle is not None:
        command += ["--bundle", str(bundle)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(STARTING):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise _not_started(directory, f"it said nothing for {STARTING:.0f} s", "") from None
    if process.returncode and not is_taken(directory):
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        said = [line.removeprefix("error: ") for line in lines if not line.startswith("fix: ")]
        fixes = [line.removeprefix("fix: ") for line in lines if line.startswith("fix: ")]
        raise _not_started(directory, "\n".join(said) or f"exit code {process.returncode}", "\n".join(fixes))


async def reattached(
    directory: InstallDir, *, name: str = "", claim: bool = True
) -> AsyncGenerator[EngineClient | None, None]:
    """For `async for`: tries to reach the engine again, at first often, then every two seconds.

    Yields None after each attempt in vain, then the client, and ends.
    """
    attempt = 0
    while (client := await _attach(directory, name, claim)) is None:
        yield None
        await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
        attempt += 1
    yield client


async def make_room(directory: InstallDir) -> None:
    """Have an engine process that only lingers in the directory end; one at work, or none, is left alone.

    Returns when it is gone, or after a few seconds.
    """
    try:
        client = await _attach(directory, "", claim=False)
        if client is None:
            return
        try:
            await client.leave()
        finally:
            await client.close()
        async with asyncio.timeout(LEAVING):
            while is_taken(directory):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(_PAUSES[0])
    except (TkeError, TimeoutError):
        return


async def end_engine(directory: InstallDir) -> bool:
    """End the engine process of the directory, stopping what it runs; False when there is none.

    Raises `StateError` when it does not end.
    """
    client = await _attach(directory, "", claim=False)
    if client is None:
        return False
    try:
        pid = (await client.status()).pid
    finally:
        await client.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(STARTING):
            while is_taken(directory):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(_PAUSES[0])
    except TimeoutError:
        raise StateError(
            f"The engine of {directory.root} does not end",
            detail=f"process {pid} was told to {STARTING:.0f} s ago",
            fix=f"See {directory.engine_log}.",
        ) from None
    return True


async def _attach(directory: InstallDir, name: str, claim: bool) -> UnixEngineClient | None:
    try:
        if not directory.socket.exists():
            return None
    except OSError:
        return None
    client = UnixEngineClient(directory, name=name, claim=claim)
    try:
        await client.status()
    except EngineLost:
        await client.close()
        return None
    except BaseException:
        await client.close()
        raise
    return client


def _not_started(directory: InstallDir, detail: str, fix: str) -> StateError:
    return StateError(
        f"The engine of {directory.root} could not be started",
        detail=detail,
        fix=fix or f"Look at {directory.engine_log}, or run it here: tke-tui install --no-ui --resume.",
    )

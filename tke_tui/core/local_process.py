"""A program on the installer host: in its own process group, heard line by line, gone when we are cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_TERMINATION_GRACE = 5.0
_DRAIN = 1.0
_LAST_LINES = 20
_MAX_LINE = 4096
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code (negative = ended by that signal) and the last lines of both streams, oldest first."""

    exit_code: int
    last_lines: tuple[str, ...]


async def run_local(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], on_line: Callable[[str, str], None]
) -> Ended:
    """Run a program to its end without a time limit; `on_line(stream, line)` hears every line.

    On cancellation its whole process group gets SIGTERM, after 5 s SIGKILL. Processes that it leaves behind on purpose
    do not delay the end. Raises OSError when it cannot be started.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)

    def heard(stream: str, line: str) -> None:
        last.append(line)
        on_line(stream, line)

    async with _pipe("stdout", heard) as (out, out_read), _pipe("stderr", heard) as (err, err_read):
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=dict(env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        finally:
            os.close(out)
            os.close(err)
        try:
            exit_code = await process.wait()
        except asyncio.CancelledError:
            await asyncio.shield(_end(process))
            raise
        await asyncio.wait({out_read, err_read}, timeout=_DRAIN)
    return Ended(exit_code, tuple(last))


async def _end(process: asyncio.subprocess.Process) -> None:
    for number, grace in ((signal.SIGTERM, _TERMINATION_GRACE), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            async with asyncio.timeout(grace):
                await process.wait()
        except TimeoutError:
            continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return


@asynccontextmanager
async def _pipe(
    stream: str, heard: Callable[[str, str], None]
) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    task = asyncio.create_task(_lines(reader, stream, heard))
    try:
        yield writing, task
    finally:
        transport.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _lines(reader: asyncio.StreamReader, stream: str, heard: Callable[[str, str], None]) -> None:
    rest = b""
    while chunk := await reader.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            heard(stream, _text(line))
    if rest:
        heard(stream, _text(rest))


def _text(line: bytes) -> str:
    return line[:_MAX_LINE].decode("utf-8", "replace").rstrip("\r")

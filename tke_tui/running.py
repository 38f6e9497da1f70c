"""Runs an installation, or a check of it, in this process: signals, output, limits."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from tke_tui.cli_options import Output
from tke_tui.client_connect import make_room
from tke_tui.client_unix import who_asks
from tke_tui.core.daemon.foreground import looked_on
from tke_tui.core.engine import Engine, Listener, RunResult
from tke_tui.core.errors import Cancelled
from tke_tui.core.installation import Installation
from tke_tui.core.open_files import allow_many_connections
from tke_tui.core.operation import Operation
from tke_tui.host_key_prompt import ask_on_terminal
from tke_tui.passphrase import passphrase
from tke_tui.plain import JsonLines, PlainLines
from tke_tui.reports import failure_text, success_text
from tke_tui.terminal import complain, say

T = TypeVar("T")


def run(installation: Installation, *, output: Output, verbose: bool) -> int:
    """Run what is left of it and print what happens; the exit code."""
    result = run_printing(installation, output=output, verbose=verbose)
    if result.status != "success":
        complain(failure_text(installation, result))
    elif output is Output.PLAIN:
        say(success_text(installation))
    return int(result.exit_code)


def run_printing(work: Installation | Operation, *, output: Output, verbose: bool) -> RunResult:
    """Run what is left of an installation or operation and print its events; signals as docs/exit-codes.md says."""
    allow_many_connections()
    plain = output is Output.PLAIN
    listener = PlainLines(sys.stdout, verbose=verbose) if plain else JsonLines(sys.stdout)
    try:
        return asyncio.run(_run_engine(work, listener))
    finally:
        listener.close()


async def _run_engine(work: Installation | Operation, listener: JsonLines | PlainLines) -> RunResult:
    loop = asyncio.get_running_loop()

    def started(engine: Engine) -> None:
        def stop() -> None:
            listener.note("Stopping: ending what runs on the machines ...")
            engine.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)

    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with _looked_on(work, listener.note) as watchers:
        return await work.run(listeners=(listener, *watchers), ask_host_key=ask_on_terminal, started=started)


@contextlib.asynccontextmanager
async def _looked_on(
    work: Installation | Operation, told: Callable[[str], None]
) -> AsyncGenerator[tuple[Listener, ...], None]:
    """Let screens attach to an installation that runs here, and see it; operations are only printed."""
    if not isinstance(work, Installation):
        yield ()
        return
    await make_room(work.directory)
    async with looked_on(work.directory, who_asks(), passphrase=passphrase, told=told) as watchers:
        yield watchers


def run_stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Do some work that changes nothing; SIGINT, SIGTERM and SIGHUP end it, which raises `Cancelled`."""
    allow_many_connections()
    return asyncio.run(_stoppable(work))


def stop_on_signals() -> None:
    """From now on SIGTERM and SIGHUP raise `Cancelled`, so that temporary files are removed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)


async def _stoppable(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise Cancelled("Stopped") from None


def _stop(*_: object) -> None:
    raise Cancelled("Stopped")

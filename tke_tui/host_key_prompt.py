"""Asks the person on the terminal whether an unknown SSH host key is the right one."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from tke_tui.terminal import complain

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh_types import HostKeyQuestion

_one_at_a_time = asyncio.Lock()


async def ask_on_terminal(question: HostKeyQuestion) -> bool:
    """Show the fingerprint on stderr and wait for `yes`; anything else, or no terminal, is no.

    The wait can be cancelled: nothing is left behind that would swallow the next line.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    async with _one_at_a_time:
        complain(
            f"{question.host} port {question.port} shows an unknown {question.algorithm} host key.\n"
            f"Fingerprint: {question.fingerprint}\nIs this the right machine? Type yes to go on:"
        )
        answer = await _line(sys.stdin.fileno())
        return answer.strip().lower() == b"yes"


async def _line(terminal: int) -> bytes:
    """One line of a terminal, b"" at its end; a thread in `input` could not be cancelled."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(terminal, readable.set)
    try:
        await readable.wait()
        return os.read(terminal, 4096)
    finally:
        loop.remove_reader(terminal)

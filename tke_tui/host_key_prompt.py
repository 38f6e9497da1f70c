"""Asks the person on the terminal whether an unknown SSH host key is the right one."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh_types import HostKeyQuestion

_one_at_a_time = asyncio.Lock()


async def ask_on_terminal(question: HostKeyQuestion) -> bool:
    """Show the fingerprint and wait for `yes`; anything else, or no terminal, is no."""
    if not sys.stdin.isatty():
        return False
    async with _one_at_a_time:
        prompt = (
            f"{question.host} port {question.port} shows an unknown {question.algorithm} host key.\n"
            f"Fingerprint: {question.fingerprint}\nIs this the right machine? Type yes to go on: "
        )
        answer = await asyncio.to_thread(input, prompt)
        return answer.strip().lower() == "yes"

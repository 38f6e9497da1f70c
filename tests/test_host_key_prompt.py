"""The question for a host key on a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

from tke_tui.core.adapters.ssh_types import HostKeyQuestion
from tke_tui.host_key_prompt import ask_on_terminal

QUESTION = HostKeyQuestion("192.0.2.11", 22, "ssh-ed25519", "SHA256:abc")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to this end is typed; stdin is the other one."""
    keys, terminal = os.openpty()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield keys
    os.close(keys)


@pytest.mark.parametrize(
    ("typed", "trusted"), [(b"yes\n", True), (b" YES \n", True), (b"y\n", False), (b"\n", False)]
)
async def test_only_a_whole_yes_is_one(
    keyboard: int, capsys: pytest.CaptureFixture[str], typed: bytes, trusted: bool
) -> None:
    os.write(keyboard, typed)
    assert await ask_on_terminal(QUESTION) is trusted
    shown = capsys.readouterr()
    assert "SHA256:abc" in shown.err
    assert shown.out == "", "stdout is for events"


async def test_the_end_of_input_is_no(keyboard: int) -> None:
    os.write(keyboard, b"\x04")
    assert await ask_on_terminal(QUESTION) is False


async def test_a_stop_ends_the_question_and_takes_no_key(keyboard: int) -> None:
    asking = asyncio.create_task(ask_on_terminal(QUESTION))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    os.write(keyboard, b"yes\n")
    assert await ask_on_terminal(QUESTION) is True


async def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert await ask_on_terminal(QUESTION) is False

"""The nodes behave like bare machines. Needs ``python -m tests.lab up``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.lab.settings import paths

pytestmark = pytest.mark.lab


@pytest.fixture
def lab() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(paths().state.read_text())
    except FileNotFoundError:
        pytest.skip("the lab is not up")
    return found


async def _ask(address: str, user: str, password_file: str, command: str, stdin: str = "") -> str:
    """Log in by password only and return what ``command`` prints."""
    async with asyncssh.connect(
        address,
        username=user,
        password=Path(password_file).read_text(),
        known_hosts=None,
        client_keys=None,
        agent_path=None,
    ) as connection:
        result = await connection.run(command, input=stdin, check=True)
        return str(result.stdout).strip()


async def test_each_node_is_a_machine_of_its_own(lab: dict[str, Any]) -> None:
    command = (
        "uname -n; cat /etc/machine-id; cat /etc/ssh/ssh_host_ed25519_key.pub; systemctl is-system-running"
    )
    answers = await asyncio.gather(
        *(_ask(node["ip"], "root", node["password_file"], command) for node in lab["nodes"])
    )
    lines = [answer.splitlines() for answer in answers]
    assert [line[0] for line in lines] == [node["name"] for node in lab["nodes"]]
    assert len({line[1] for line in lines}) == len({line[2] for line in lines}) == len(lines)
    assert {line[3] for line in lines} == {"running"}


async def test_ops_becomes_root_with_a_password_only(lab: dict[str, Any]) -> None:
    node, ops = lab["nodes"][0], lab["ops"]
    password = Path(ops["password_file"]).read_text() + "\n"
    command = "sudo -n true 2>/dev/null && echo open; sudo -S -p '' id -u"
    assert await _ask(node["ip"], ops["user"], ops["password_file"], command, password) == "0"


async def test_files_under_etc_can_be_replaced_by_rename(lab: dict[str, Any]) -> None:
    node = lab["nodes"][0]
    command = "cd /etc && cp -a hosts hosts.new && mv -fT hosts.new hosts && stat -c %a hosts"
    assert await _ask(node["ip"], "root", node["password_file"], command) == "644"

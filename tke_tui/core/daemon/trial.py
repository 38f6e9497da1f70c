"""One trial login to a machine: does it work, what is it, whose host key does it show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tke_tui.core.adapters.ssh import SshPool
from tke_tui.core.adapters.ssh_types import Connection, HostKeyQuestion, SshSettings
from tke_tui.core.daemon.login_test import LoginTest, LoginWays
from tke_tui.core.errors import TkeError
from tke_tui.core.logins import login_of
from tke_tui.core.redact import Redactor

if TYPE_CHECKING:
    from pathlib import Path

    from tke_tui.core.model.machine import Machine

PATIENCE = 60.0
"""Seconds for the whole trial."""


async def try_login(
    machine: Machine,
    *,
    known_hosts: Path,
    accepted: str = "",
    accept_new: bool = False,
    ways: LoginWays,
) -> LoginTest:
    """Log in, look, log out; nothing is changed on the machine and nothing raised for a login that fails.

    A host key with the fingerprint `accepted`, or any new one with `accept_new`, is kept in `known_hosts`.
    """
    login = login_of(machine)
    unknown: list[HostKeyQuestion] = []

    async def ask(question: HostKeyQuestion) -> bool:
        if accepted and question.fingerprint == accepted:
            return True
        unknown.append(question)
        return False

    settings = SshSettings(
        known_hosts=known_hosts,
        host_key_policy="accept-new" if accept_new else "ask",
        ask_host_key=ask,
        ssh_config=ways.ssh_config,
        use_agent=ways.use_agent,
        login_attempts=2,
    )
    secrets = [login.password, login.private_key, login.passphrase, login.sudo_password]
    if login.bastion is not None:
        secrets += [login.bastion.password, login.bastion.private_key, login.bastion.passphrase]
    redact = Redactor(secret for secret in secrets if secret)
    pool = SshPool(settings, redact)
    try:
        async with asyncio.timeout(PATIENCE):
            return LoginTest(True, await _facts(await pool.get(login)))
    except TkeError as error:
        test = LoginTest(False, "", redact(error.title), redact(error.detail), redact(error.fix))
    except TimeoutError:
        test = LoginTest(
            False,
            title=f"{login.label} did not answer in time",
            detail=f"the login and a look at the machine took more than {PATIENCE:.0f} s",
            fix="Look at its load and at the network, then try again.",
        )
    finally:
        await pool.close()
    if unknown:
        return LoginTest(
            test.ok, "", test.title, test.detail, test.fix, unknown[0].fingerprint, unknown[0].algorithm
        )
    return test


async def _facts(connection: Connection) -> str:
    """Also proves that commands run with administrator's rights, which raises when sudo refuses."""
    release = await connection.run(["cat", "/etc/os-release"])
    processors = await connection.run(["getconf", "_NPROCESSORS_ONLN"])
    memory = await connection.run(["cat", "/proc/meminfo"])
    facts = [
        _distribution(release.stdout),
        f"{processors.stdout.strip()} CPU" if processors.stdout.strip().isdigit() else "",
        _size(memory.stdout),
    ]
    return ", ".join(fact for fact in facts if fact)


def _distribution(text: str) -> str:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    name = values.get("NAME", "").strip("\"'").removesuffix(" GNU/Linux").removesuffix(" Linux")
    return f"{name} {values.get('VERSION_ID', '').strip(chr(34))}".strip()


def _size(text: str) -> str:
    """Whole GiB, rounded: firmware takes a part of what was built in."""
    for line in text.splitlines():
        fields = line.split()
        if fields[:1] == ["MemTotal:"] and len(fields) > 1 and fields[1].isdigit():
            return f"{round(int(fields[1]) / (1 << 20))} GiB"
    return ""

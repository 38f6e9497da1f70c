"""How a login that is not root becomes root on one connection."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from tke_tui.core.adapters import ssh_errors
from tke_tui.core.adapters.ssh_command import Privilege
from tke_tui.core.adapters.ssh_output import KEEP, CommandSession, decode
from tke_tui.core.adapters.ssh_types import Login
from tke_tui.core.errors import AuthenticationFailed, CommandFailed

Probe = Callable[[CommandSession, str, bytes], Awaitable[None]]
"""probe(session, job, stdin) runs the sudo probe to its end."""


class Sudo:
    """Decides once per connection; a wrong password is tried once, not once per command (accounts get locked)."""

    def __init__(self, login: Login, redact: Callable[[str], str], probe: Probe) -> None:
        self._login = login
        self._redact = redact
        self._probe = probe
        self._deciding = asyncio.Lock()
        self._decided: Privilege | AuthenticationFailed | None = None

    async def privilege(self) -> Privilege:
        """How commands become root. Raises `AuthenticationFailed` when sudo refuses the password."""
        if self._login.is_root:
            return Privilege.NONE
        async with self._deciding:
            if self._decided is None:
                self._decided = Privilege.SUDO if self._password() is None else await self._try_password()
        if isinstance(self._decided, AuthenticationFailed):
            raise self._decided
        return self._decided

    def preface(self, privilege: Privilege, job: str) -> bytes:
        """What stdin begins with: the password for sudo, then the line the supervisor waits for."""
        return self._password_line() + f"{job}\n".encode() if privilege is Privilege.SUDO_PASSWORD else b""

    def refusal(self, session: CommandSession, privilege: Privilege) -> AuthenticationFailed | None:
        """The error when sudo, not the command, ended `session`; None when it was something else."""
        if privilege is Privilege.NONE:
            return None
        text = decode(session.stderr.preamble + b"\n" + session.stdout.preamble)
        known = privilege is Privilege.SUDO_PASSWORD
        return ssh_errors.sudo_refused(self._login, text, has_password=known, redact=self._redact)

    async def _try_password(self) -> Privilege | AuthenticationFailed:
        job = secrets.token_hex(8)
        session = CommandSession(job, keep=KEEP, on_line=None)
        await self._probe(session, job, self._password_line())
        if session.exit_code is None:
            raise ssh_errors.broken(self._login, "trying sudo", None)
        if session.group is not None:
            return Privilege.SUDO_PASSWORD
        refusal = self.refusal(session, Privilege.SUDO_PASSWORD)
        if refusal is None:
            raise CommandFailed(
                f"sudo does not work on {self._login.label}",
                detail=self._redact(decode(session.stderr.preamble)).strip() or "it printed nothing",
                fix="Try on the machine, as this user: sudo -k true",
            )
        return refusal

    def _password(self) -> str | None:
        given = self._login.sudo_password
        return given if given is not None else self._login.password

    def _password_line(self) -> bytes:
        return f"{self._password() or ''}\n".encode()

"""An SSH server inside the test process: one pretended machine with a private directory tree.

    async with LabSshd(tmp_path, commands=machine) as server:
        connection = await pool.get(server.login())

SFTP and commands see the same tree (`server.path("/etc/hosts")`). A command is answered, in this order:

1. what the adapter itself sends for file transfer and for stopping a command: really, inside the tree;
2. `commands(argv, stdin, env)`, a coroutine function that models the machine: it returns (exit code, stdout, stderr)
   with texts or bytes, or None when the command is not its business; `env.write` sends output before the end;
3. the tools in `FILE_TOOLS`: really, with absolute paths meant inside the tree;
4. "not found"; but without `commands` the local shell (only for tests whose commands do no harm).

The supervisor and sudo around a command are taken off first; sudo behaves as the account says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import asyncssh

from tke_tui.core.adapters.ssh import Login
from tke_tui.core.adapters.ssh_command import END_JOB
from tke_tui.lab.sshd_commands import (
    FILE_TOOLS,
    Served,
    is_adapters_own,
    run_in_tree,
    run_locally,
    unwrap,
)
from tke_tui.lab.tree_sftp import TreeSftp

Text = str | bytes
Reply = tuple[int, Text, Text]
SudoRule = Literal["password", "nopasswd", "none", "requiretty"]
AuthMethod = Literal["publickey", "password", "keyboard-interactive"]


@dataclass(frozen=True)
class CommandEnv:
    """Around a modelled command: who runs it (after sudo), on which tree, and a way to send output early."""

    user: str
    root: Path
    write: Callable[[str, Text], None]
    """write("stdout" or "stderr", text)"""


Commands = Callable[[list[str], bytes, CommandEnv], Awaitable[Reply | None]]
Gate = Callable[[tuple[str, ...]], Awaitable[str | None]]
"""Asked before each command, those of file transfers included: why it is to fail, None when it is not."""


@dataclass(frozen=True)
class Account:
    """A user of the machine; `sudo_password` "" means `password`."""

    password: str = "password-of-a-test"
    sudo: SudoRule = "password"
    sudo_password: str = ""
    shell_works: bool = True


@dataclass(frozen=True)
class Seen:
    """A command the server was asked for, without supervisor and sudo; `stdin` is complete."""

    user: str
    argv: tuple[str, ...]
    sudo: bool
    stdin: bytes


@dataclass
class LabSshd:
    """See the module. `port` 0 takes a free one.

    `max_startups` is sshd's START:RATE:FULL, by default as there: when START connections are logging in, RATE percent
    of further ones are dropped, rising to all when FULL are; which ones is not chance, but the same each time.
    `max_sessions` bounds the channels per connection, by default as sshd does; connections whose number (from 1) is
    in `refuse_logins` are dropped; `login_gate` holds every login until it is set; `noise` is what the login shell
    prints before each command; `sftp` False leaves SFTP out, "noisy" spoils it as a talking profile does. `methods`
    are the login methods offered. `transfers` answers the adapter's own scripts in place of a shell. `record` False
    keeps no list of what was asked.
    """

    root: Path
    address: str = "127.0.0.1"
    port: int = 0
    users: Mapping[str, Account] = field(default_factory=lambda: {"root": Account()})
    commands: Commands | None = None
    transfers: Callable[[tuple[str, ...], bytes], Reply] | None = None
    gate: Gate | None = None
    methods: Collection[AuthMethod] = ("publickey", "password")
    host_key: asyncssh.SSHKey | None = None
    max_startups: tuple[int, int, int] = (10, 30, 100)
    max_sessions: int = 10
    refuse_logins: Collection[int] = ()
    login_gate: asyncio.Event | None = None
    noise: bytes = b""
    sftp: bool | Literal["noisy"] = True
    forwarding: bool = True
    kbdint_prompts: Sequence[tuple[str, bool]] = (("密码：", False),)
    record: bool = True

    def __post_init__(self) -> None:
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        # Exported once: the form holds random bytes, and equal logins must be equal.
        self.client_key_text = self.client_key.export_private_key("openssh").decode()
        self.host_key = self.host_key or asyncssh.generate_private_key("ssh-ed25519")
        self.seen: list[Seen] = []
        self.owners: dict[str, str] = {}
        """Path on the machine -> `owner:group` a transferred file was to get."""
        self.exec_lines: list[str] = []
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.connection_count = 0
        self.login_count = 0
        self.logging_in = 0
        self.most_logging_in = 0
        self.most_sessions = 0
        self.dropped_startups = 0
        self._due = 0.0
        self.jobs: dict[str, asyncio.Task[object]] = {}
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def __aenter__(self) -> LabSshd:
        for name in ("etc", "tmp", "var/tmp", "root", "opt"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._acceptor = await asyncssh.listen(
            self.address,
            self.port,
            server_factory=lambda: _Server(self),
            server_host_keys=[self.host_key],
            encryption_algs=["aes128-gcm@openssh.com"],
            login_timeout=20,
        )
        self.port = self._acceptor.get_port()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._acceptor is not None
        self._acceptor.close()
        self.drop_connections()
        tasks = list(self.jobs.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._acceptor.wait_closed()

    def login(self, user: str = "root", **changes: Any) -> Login:
        """A login that works, by key; `changes` replace fields of it."""
        values: dict[str, Any] = {"private_key": self.client_key_text, **changes}
        return Login(self.address, self.port, user, **values)

    def path(self, path: str) -> Path:
        """Where a path of the machine is on this host."""
        return self.root / path.lstrip("/")

    def drop_connections(self) -> None:
        """Cut every open connection, as a power failure would."""
        for connection in list(self.connections):
            connection.abort()

    def drops_startup(self) -> bool:
        """Whether one more connection is dropped for those that are logging in."""
        start, rate, full = self.max_startups
        if self.logging_in < start:
            return False
        if self.logging_in < full:
            self._due += rate + (100 - rate) * (self.logging_in - start) / (full - start)
            if self._due < 100:
                return False
            self._due -= 100
        self.dropped_startups += 1
        return True

    @property
    def argvs(self) -> list[list[str]]:
        """Commands seen so far that were not the adapter's own."""
        return [list(seen.argv) for seen in self.seen]


class _Server(asyncssh.SSHServer):
    def __init__(self, machine: LabSshd) -> None:
        self._machine = machine
        self._waiting = False
        self.sessions = 0
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        machine = self._machine
        self.connection = conn
        machine.connection_count += 1
        if machine.connection_count in machine.refuse_logins or machine.drops_startup():
            conn.abort()
            return
        machine.connections.add(conn)
        self._waiting = True
        machine.logging_in += 1
        machine.most_logging_in = max(machine.most_logging_in, machine.logging_in)

    def _no_longer_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self._machine.logging_in -= 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_longer_waiting()
        if self.connection is not None:
            self._machine.connections.discard(self.connection)

    async def begin_auth(self, username: str) -> bool:
        if self._machine.login_gate is not None:
            await self._machine.login_gate.wait()
        return True

    def auth_completed(self) -> None:
        self._no_longer_waiting()
        self._machine.login_count += 1

    def public_key_auth_supported(self) -> bool:
        return "publickey" in self._machine.methods

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        wanted = self._machine.client_key.convert_to_public()
        return username in self._machine.users and key == wanted

    def password_auth_supported(self) -> bool:
        return "password" in self._machine.methods

    def validate_password(self, username: str, password: str) -> bool:
        account = self._machine.users.get(username)
        return account is not None and password == account.password

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._machine.methods

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", list(self._machine.kbdint_prompts)

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        account = self._machine.users.get(username)
        return account is not None and list(responses) == [account.password]

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        if not self._machine.forwarding:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "forwarding is off")
        return True

    def session_requested(self) -> Any:
        machine = self._machine
        if self.sessions >= machine.max_sessions:
            return False
        assert self.connection is not None
        self.sessions += 1
        machine.most_sessions = max(machine.most_sessions, self.sessions)
        factory = (lambda channel: TreeSftp(channel, machine.root)) if machine.sftp is True else None
        session = _Session(self, lambda process: _serve(machine, process), factory)
        return self.connection.create_server_channel(encoding=None), session


class _Session(asyncssh.SSHServerProcess[bytes]):
    def __init__(self, server: _Server, handler: Any, sftp_factory: Any) -> None:
        super().__init__(handler, sftp_factory, 3, False)
        self._server = server
        self._sftp = sftp_factory
        self._noisy = server._machine.sftp == "noisy"
        self._counted = True

    def subsystem_requested(self, subsystem: str) -> bool:
        if subsystem == "sftp" and self._noisy:
            return True
        return bool(self._sftp) and super().subsystem_requested(subsystem)

    def session_started(self) -> None:
        if self.channel.get_subsystem() == "sftp" and self._noisy:
            self.channel.write(b"Welcome to this machine!\r\n")
        else:
            super().session_started()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._counted:
            self._counted = False
            self._server.sessions -= 1
        super().connection_lost(exc)


async def _serve(machine: LabSshd, process: asyncssh.SSHServerProcess[bytes]) -> None:
    line = process.command or ""
    if machine.record:
        machine.exec_lines.append(line)
    user = str(process.get_extra_info("username"))
    served = unwrap(line)
    if served is None:
        raise AssertionError(f"a command that the adapter did not send: {line}")
    job = served.job
    task = asyncio.ensure_future(_answer(machine, process, user, served))
    machine.jobs[job] = task
    try:
        code = await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        code = 143
    finally:
        machine.jobs.pop(job, None)
    with contextlib.suppress(OSError):
        process.exit(code)


async def _answer(
    machine: LabSshd, process: asyncssh.SSHServerProcess[bytes], user: str, served: Served
) -> int:
    account = machine.users[user]
    process.stdout.write(machine.noise)
    process.stderr.write(machine.noise)
    if not account.shell_works:
        process.stdout.write(b"This account is currently not available.\n")
        return 1
    if served.sudo:
        refusal = await _sudo(account, user, served, process)
        if refusal is not None:
            process.stderr.write(refusal.encode())
            return 1
    if served.after_password:
        while (await process.stdin.readline()).rstrip(b"\n") != served.job.encode():
            pass
    if served.argv[:3] == ("sh", "-c", END_JOB) and machine.commands is not None:
        return await _end_job(machine, process, served)
    own = is_adapters_own(served.argv)
    if machine.commands is None and not own and served.argv[0] not in FILE_TOOLS:
        machine.seen.append(Seen(user, served.argv, served.sudo, b""))
        return await run_locally(served.plain, process, machine.root)
    process.stdout.write(served.mark)
    process.stderr.write(served.mark)
    stdin = await process.stdin.read()
    if not own and machine.record:
        machine.seen.append(Seen(user, served.argv, served.sudo, stdin))
    reply: Reply | None = None
    if machine.gate is not None and (why := await machine.gate(served.argv)) is not None:
        reply = (1, "", f"{served.argv[0]}: {why}\n")
    elif machine.commands is not None and not own:
        effective = "root" if served.sudo else user
        env = CommandEnv(effective, machine.root, lambda stream, text: _write(process, stream, text))
        reply = await machine.commands(list(served.argv), stdin, env)
    if reply is None and own and machine.transfers is not None:
        reply = machine.transfers(served.argv, stdin)
    elif reply is None and (own or served.argv[0] in FILE_TOOLS):
        reply = await run_in_tree(machine.root, served.argv, stdin, machine.owners)
    code, out, err = reply or (127, "", f"sh: 1: {served.argv[0]}: not found\n")
    _write(process, "stdout", out)
    _write(process, "stderr", err)
    return code


def _write(process: asyncssh.SSHServerProcess[bytes], stream: str, text: Text) -> None:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    with contextlib.suppress(OSError):
        cast(Any, getattr(process, stream)).write(data)


async def _end_job(machine: LabSshd, process: asyncssh.SSHServerProcess[bytes], served: Served) -> int:
    process.stdout.write(served.mark)
    process.stderr.write(served.mark)
    task = machine.jobs.get(served.argv[4])
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return 0


async def _sudo(
    account: Account, user: str, served: Served, process: asyncssh.SSHServerProcess[bytes]
) -> str | None:
    """What sudo prints when it refuses, None when it lets the command run."""
    if account.sudo == "requiretty":
        return "sudo: sorry, you must have a tty to run sudo\n"
    if account.sudo == "nopasswd":
        return None
    if not served.asks_password:
        return "sudo: a password is required\n"
    wrong = 0
    while wrong < 3:
        line = await process.stdin.readline()
        if not line:
            return f"sudo: no password was provided\nsudo: {wrong} incorrect password attempt\n"
        if line.rstrip(b"\n").decode() == (account.sudo_password or account.password):
            return None if account.sudo == "password" else f"{user} is not in the sudoers file.\n"
        wrong += 1
    return f"sudo: {wrong} incorrect password attempts\n"

"""What callers of the SSH adapter hand in and get back; no SSH library is needed to import this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

HostKeyPolicy = Literal["ask", "accept-new", "strict"]
OnLine = Callable[[str, str], None]
"""on_line(stream, line): stream is `stdout` or `stderr`, line has no line end."""
OnProgress = Callable[[int, int], None]
"""on_progress(bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in to one machine. Equal logins share one connection.

    `host` is an address, a name or a Host alias of the ssh_config file; `username` "" means the one of
    ssh_config, else root; `port` 22 gives way to a Port of ssh_config. `private_key` is the text of a key in
    any OpenSSH or PEM form, `passphrase` its passphrase. With neither password nor key, the agent and the
    usual key files are tried.
    `sudo_password` is for logins other than root; None means the login password, if there is one.
    `host_key` pins the machine's key: a line `ssh-ed25519 AAAA…` or a fingerprint `SHA256:…`.
    Secrets do not appear in `repr`.
    """

    host: str
    port: int = 22
    username: str = "root"
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    sudo_password: str | None = field(default=None, repr=False)
    host_key: str | None = None
    bastion: Login | None = None

    @property
    def label(self) -> str:
        """user@host:port, for messages."""
        user = f"{self.username}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{user}{host}:{self.port}"

    @property
    def is_root(self) -> bool:
        return self.username == "root"


@dataclass(frozen=True, slots=True)
class HostKeyQuestion:
    """A host key nobody has vouched for yet; `fingerprint` is the `SHA256:…` form `ssh-keygen -l` prints."""

    host: str
    port: int
    algorithm: str
    fingerprint: str


AskHostKey = Callable[[HostKeyQuestion], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Limits and policies of a pool; times in seconds.

    `logins_per_target` bounds the unfinished logins per address and per bastion (OpenSSH drops some beyond
    MaxStartups, 10 by default), `channels_per_connection` the commands and the file session that share a
    connection (MaxSessions, 10 by default; two more are kept for stopping commands), `login_attempts` how often
    a login the server cut off is tried. `known_hosts` is created with mode 0600 when a key is stored.
    `ssh_config` None ignores every ssh_config file.
    """

    known_hosts: Path
    connect_timeout: float = 10
    login_timeout: float = 30
    command_timeout: float = 300
    keepalive_interval: float = 15
    keepalive_count_max: int = 3
    logins_per_target: int = 8
    logins_total: int = 64
    login_attempts: int = 6
    channels_per_connection: int = 8
    uploads_at_once: int = 4
    host_key_policy: HostKeyPolicy = "ask"
    ask_host_key: AskHostKey | None = None
    use_agent: bool = True
    ssh_config: Path | None = None


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a remote command ended.

    Bytes that are not UTF-8 appear as `\\xNN`. A command ended by signal n has exit code 128+n. Each stream
    keeps at most 1 MiB, its beginning and its end, with a note in between. Output is not redacted and not part
    of `repr`.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    seconds: float


class Connection(Protocol):
    """One machine's open connection, as `Node` and the handlers use it.

    Every method raises `ConnectionBroken` when the machine goes away meanwhile.
    """

    async def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,  # noqa: A002 - the name subprocess gives it
        timeout: float | None = 300,
        sudo: bool = True,
        on_line: OnLine | None = None,
    ) -> CommandResult:
        """Run a command and wait for it; a non-zero exit code is a result, not an exception.

        The command runs in its own session with LC_ALL=C and the system directories on PATH, as root unless
        `sudo` is False and the login is not root. `on_line` gets each line as it comes, redacted. Cancellation
        and timeout end the remote process group and wait for its end. `timeout` None means no limit.
        Raises `CommandTimeout`, `AuthenticationFailed` (sudo refused), `CommandFailed` (could not be started).
        """
        ...

    async def read_file(self, path: str, *, max_bytes: int = 4 << 20) -> bytes | None:
        """Content of a file, None when it does not exist; `CommandFailed` when larger or unreadable."""
        ...

    async def write_file(
        self,
        path: str,
        content: bytes,
        *,
        mode: int = 0o644,
        owner: str = "root",
        group: str = "root",
    ) -> None:
        """Replace a file atomically: temporary name beside it, on disk, owner and mode set, then renamed.

        Missing directories are created. Raises `CommandFailed`.
        """
        ...

    async def upload(
        self,
        local: Path,
        remote: str,
        *,
        sha256: str,
        mode: int = 0o644,
        progress: OnProgress | None = None,
    ) -> bool:
        """Stream a local file to `remote`; False when a file with that SHA-256 (hex) is already there.

        What arrived is checked against `sha256` before it takes its final name. Raises `CommandFailed`.
        """
        ...

    async def close(self) -> None:
        """Close the connection; commands still running on it are ended first."""
        ...

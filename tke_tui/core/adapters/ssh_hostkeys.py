"""Whether a machine's host key is to be trusted, and the known_hosts file that remembers it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from tke_tui.core.adapters.ssh_types import HostKeyQuestion, Login, SshSettings
from tke_tui.core.errors import Evidence, HostKeyRejected, UsageError

DEFAULT_PORT = 22
Keys = Sequence[asyncssh.SSHKey]


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What known_hosts says about one host; `algorithms` are to be offered in this order."""

    trusted: Keys
    authorities: Keys
    revoked: Keys
    algorithms: tuple[str, ...]

    def for_asyncssh(self) -> tuple[Keys, Keys, Keys]:
        return (self.trusted, self.authorities, self.revoked)


class HostKeys:
    """One known_hosts file and the policy for keys that are not in it.

    The file is read again only when it changed. It may be hand-written: hashed names, `[host]:port`, `@revoked`
    and `@cert-authority` lines are understood.
    """

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._deciding = asyncio.Lock()
        self._read: tuple[tuple[int, int], asyncssh.SSHKnownHosts] | None = None

    def known(self, login: Login) -> KnownKeys:
        """Keys stored for the host. Raises `UsageError` when the file cannot be read."""
        port = None if login.port == DEFAULT_PORT else login.port
        found = asyncssh.match_known_hosts(self._file(), login.host, "", port)
        trusted, authorities, revoked = found[0], found[1], found[2]
        algorithms = [alg.decode() for key in trusted for alg in key.sig_algorithms]
        if authorities:
            algorithms = [alg.decode() for alg in get_default_certificate_algs()] + algorithms
        algorithms += [alg.decode() for alg in get_default_public_key_algs()]
        return KnownKeys(trusted, authorities, revoked, tuple(dict.fromkeys(algorithms)))

    def _file(self) -> asyncssh.SSHKnownHosts:
        path = self._settings.known_hosts
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, asyncssh.read_known_hosts(str(path)))
        except FileNotFoundError:
            return asyncssh.import_known_hosts("")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the list of host keys {path} cannot be read",
                detail=str(error),
                fix="Correct or remove the line it names, or make the file readable for you.",
            ) from error
        return self._read[1]

    async def decide(self, login: Login, key: asyncssh.SSHKey) -> None:
        """Return when a key that known_hosts does not vouch for may be used (and was stored).

        Raises `HostKeyRejected` otherwise. A key other than the stored or pinned one is refused under every policy.
        """
        if login.host_key is not None:
            if pinned(login.host_key, key):
                return
            raise _refused(
                login,
                "is not the one given for it",
                f"given: {login.host_key}\noffered: {describe(key)}",
                "If the machine was reinstalled, correct its host key in the input; otherwise somebody may be "
                "answering in its place: do not continue.",
            )
        async with self._deciding:
            known = self.known(login)
            if key in known.trusted:
                return
            name = entry_name(login.host, login.port)
            remove = f'ssh-keygen -R "{name}" -f {self._settings.known_hosts}'
            if key in known.revoked:
                raise _refused(login, "is revoked", f"offered: {describe(key)}", f"Change it, then: {remove}")
            if known.trusted:
                stored = "\n".join(f"stored: {describe(old)}" for old in known.trusted)
                raise _refused(
                    login,
                    "has changed",
                    f"{stored}\noffered: {describe(key)}",
                    f"If the machine was reinstalled: {remove}\nOtherwise somebody may be answering in its "
                    "place: do not continue.",
                )
            await self._admit(login, key)
            store(self._settings.known_hosts, name, key)

    async def _admit(self, login: Login, key: asyncssh.SSHKey) -> None:
        policy = self._settings.host_key_policy
        if policy == "accept-new":
            return
        compare = (
            "Compare the fingerprint with the machine's own: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
        if policy == "strict":
            raise _refused(
                login,
                "is unknown and the policy is strict",
                f"offered: {describe(key)}",
                f"{compare}\nThen add it to {self._settings.known_hosts}, or give it as the machine's host key.",
            )
        if self._settings.ask_host_key is None:
            raise _refused(
                login,
                "is unknown and nobody is there to confirm it",
                f"offered: {describe(key)}",
                f"{compare}\nThen give it as the machine's host key, or choose the policy accept-new.",
            )
        question = HostKeyQuestion(login.host, login.port, key.get_algorithm(), key.get_fingerprint())
        if not await self._settings.ask_host_key(question):
            raise _refused(login, "was not accepted", f"offered: {describe(key)}", compare)


def describe(key: asyncssh.SSHKey) -> str:
    """Algorithm and SHA-256 fingerprint of a key."""
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def pinned(wanted: str, key: asyncssh.SSHKey) -> bool:
    """True when `wanted` (`SHA256:…` or `algorithm base64 [comment]`) is this key."""
    words = wanted.split()
    if len(words) == 1:
        return words[0].rstrip("=") == key.get_fingerprint()
    return words[:2] == key.export_public_key("openssh").decode().split()[:2]


def entry_name(host: str, port: int) -> str:
    """How known_hosts names a host."""
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def store(path: Path, name: str, key: asyncssh.SSHKey) -> None:
    """Append one line to a known_hosts file (mode 0600, directory 0700 when created), locked against others."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = key.export_public_key("openssh").decode().split()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        size = os.fstat(fd).st_size
        newline = "\n" if size > 0 and os.pread(fd, 1, size - 1) != b"\n" else ""
        os.write(fd, f"{newline}{name} {words[0]} {words[1]}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)


def _refused(login: Login, why: str, detail: str, fix: str) -> HostKeyRejected:
    return HostKeyRejected(
        f"the host key of {login.label} {why}",
        detail=detail,
        fix=fix,
        evidence=Evidence(output=tuple(detail.splitlines())),
    )

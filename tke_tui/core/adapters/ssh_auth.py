"""Who logs in and with what: keys, prompts, the agent and ssh_config."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncssh

from tke_tui.core.adapters.ssh_types import Login, SshSettings
from tke_tui.core.errors import AuthenticationFailed, UsageError

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class Target:
    """A login with everything ssh_config adds: the real address, port and user, key files, the way there."""

    login: Login
    host: str
    port: int
    username: str
    identity_files: tuple[Path, ...] = ()

    @property
    def resolved(self) -> Login:
        """The login under the address it is really made to."""
        return replace(self.login, host=self.host, port=self.port, username=self.username)


def resolve(login: Login, settings: SshSettings) -> Target:
    """Fill in from ssh_config what the login leaves open: HostName, User, Port, IdentityFile, ProxyJump.

    Raises `UsageError` when ssh_config has errors.
    """
    plain = Target(login, login.host, login.port, login.username or "root")
    if settings.ssh_config is None or not settings.ssh_config.exists():
        return plain
    try:
        options = asyncssh.SSHClientConnectionOptions(
            config=[str(settings.ssh_config)],
            host=login.host,
            username=login.username or (),
            port=login.port if login.port != 22 else (),
            known_hosts=None,
            client_keys=None,
            agent_path=None,
        )
    except (asyncssh.ConfigParseError, OSError, ValueError) as error:
        raise UsageError(
            f"{settings.ssh_config} cannot be used for {login.host}",
            detail=str(error),
            fix="Correct the line it names, or tell tke-tui to use no ssh_config.",
        ) from error
    username = login.username or str(options.config.get("User", "root"))
    files = options.config.get("IdentityFile", [])
    bastion = login.bastion
    if bastion is None and isinstance(jump := options.config.get("ProxyJump"), str) and jump != "none":
        bastion = jump_chain(jump)
    return Target(
        replace(login, bastion=bastion),
        options.host,
        options.port,
        username,
        tuple(Path(str(name)).expanduser() for name in files) if isinstance(files, list) else (),
    )


def jump_chain(text: str) -> Login | None:
    """Bastions of a ProxyJump value `[user@]host[:port],…`; the first is reached directly."""
    hop: Login | None = None
    for part in text.split(","):
        user, _, place = part.strip().removeprefix("ssh://").rpartition("@")
        host, colon, port = place.rpartition(":")
        if not colon or place.endswith("]"):
            host, port = place, "22"
        if not port.isdigit():
            raise UsageError(f"ProxyJump {text!r} in ssh_config has no valid port: {part!r}")
        hop = Login(host.strip("[]"), int(port), user, bastion=hop)
    return hop


def load_key(login: Login) -> asyncssh.SSHKey | None:
    """The login's private key. Raises `AuthenticationFailed` when it cannot be read with its passphrase.

    May take seconds of CPU (the key derivation of encrypted keys is slow on purpose); the result is remembered.
    """
    if login.private_key is None:
        return None
    try:
        return _import_key(login.private_key, login.passphrase or None)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        reason = str(error)
        encrypted = any(word in reason.lower() for word in ("passphrase", "decrypt", "encrypt"))
        if encrypted and login.passphrase:
            detail = f"the passphrase is wrong, or the key is encrypted in an unknown way ({reason})"
            fix = "Give the passphrase this key was made with (test: ssh-keygen -y -f KEYFILE)."
        elif encrypted:
            detail = "the key is protected by a passphrase and none was given"
            fix = "Give its passphrase, or use a key without one."
        else:
            detail = f"it is not a private key in OpenSSH or PEM form ({reason})"
            fix = "Give the whole file, from its BEGIN line to its END line; not the .pub file."
        title = f"the private key for {login.label} cannot be used"
        raise AuthenticationFailed(title, detail=detail, fix=fix) from error


@lru_cache(maxsize=64)
def _import_key(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    return asyncssh.import_private_key(text, passphrase)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login tries, in words (`tried`) and as options of `asyncssh.connect`."""

    options: dict[str, Any]
    tried: tuple[str, ...]


def credentials(target: Target, settings: SshSettings) -> Credentials:
    """Explicit credentials alone if there are any, else the agent and key files.

    Offering every key of the agent first would use up the server's MaxAuthTries (6) before the given one.
    """
    login = target.login
    key = load_key(login)
    keys: Sequence[asyncssh.SSHKey] = [key] if key is not None else []
    tried = ["the given private key"] if key is not None else []
    agent: str | None = None
    if key is None and login.password is None:
        keys, names = _key_files(target, login.passphrase)
        tried += names
        agent = os.environ.get("SSH_AUTH_SOCK") if settings.use_agent else None
        tried += ["the keys of the agent"] if agent else []
    if login.password is not None:
        tried += ["the password"]
    options: dict[str, Any] = {
        "username": target.username,
        "password": login.password,
        # None keeps asyncssh from asking the agent, an empty list does not.
        "client_keys": list(keys) or ([] if agent else None),
        "agent_path": agent,
        "agent_identities": None,
        "public_key_auth": bool(keys or agent),
        "password_auth": login.password is not None,
        "kbdint_auth": login.password is not None,
    }
    return Credentials(options, tuple(tried))


def _key_files(target: Target, passphrase: str | None) -> tuple[list[asyncssh.SSHKey], list[str]]:
    paths = target.identity_files or tuple(Path.home() / ".ssh" / name for name in DEFAULT_KEYS)
    keys, names = [], []
    for path in paths:
        try:
            keys.append(asyncssh.read_private_key(str(path), passphrase))
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            continue
        names.append(str(path))
    return keys, names


class LoginClient(asyncssh.SSHClient):
    """Callbacks of one connection: remembers the host key and the prompts, answers one password prompt."""

    def __init__(
        self,
        password: str | None,
        accept_key: Callable[[asyncssh.SSHKey], bool],
    ) -> None:
        self._password = password
        self._accept_key = accept_key
        self._requested = False
        self._asked = False
        self.connection: asyncssh.SSHClientConnection | None = None
        self.offered_key: asyncssh.SSHKey | None = None
        self.unanswered: list[str] = []

    @property
    def server_version(self) -> str | None:
        """The peer's SSH banner, None when it never sent one."""
        if self.connection is None:
            return None
        version = self.connection.get_extra_info("server_version")
        return str(version) if version else None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.connection = conn

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered_key = key
        return self._accept_key(key)

    def kbdint_auth_requested(self) -> str | None:
        # Once only: a server that fails the method without a question would be asked until MaxAuthTries.
        if self._password is None or self._requested:
            return None
        self._requested = True
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        if not prompts:
            return []
        # Prompts are localised, so the one hidden answer is taken for the password whatever its text says.
        if len(prompts) == 1 and not prompts[0][1] and not self._asked and self._password is not None:
            self._asked = True
            return [self._password]
        self.unanswered += [text.strip() for text, _ in prompts]
        return None

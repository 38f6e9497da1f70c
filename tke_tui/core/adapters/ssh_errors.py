"""Turns what goes wrong on the way to a machine into an error that says why and what to do."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import asyncssh

from tke_tui.core.adapters.ssh_types import Login
from tke_tui.core.errors import (
    AuthenticationFailed,
    ConnectionBroken,
    Evidence,
    HostKeyRejected,
    Unreachable,
)


def cannot_connect(login: Login, error: Exception, timeout: float) -> Unreachable:
    """A TCP connection did not come about; `timeout` in seconds is what it was given."""
    title = f"cannot connect to {login.label}"
    if isinstance(error, socket.gaierror):
        return Unreachable(
            title,
            detail=f"the name {login.host} is not known here ({error.strerror})",
            fix="Use the machine's IP address, or correct DNS or /etc/hosts on this host.",
        )
    if isinstance(error, TimeoutError):
        return Unreachable(
            title,
            detail=f"no answer within {timeout:g} s",
            fix="Check that the machine is on, the address and port are right, and no firewall drops the packets.",
        )
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        return Unreachable(
            title,
            detail=f"the machine refuses connections on port {login.port}",
            fix="Start its SSH server (systemctl enable --now sshd), or correct the port.",
        )
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Unreachable(
            title,
            detail="there is no route to the machine",
            fix="Check its address, the network of this host and the firewall in between (ip route get ADDRESS).",
        )
    return Unreachable(
        title, detail=str(error) or type(error).__name__, fix="Check the address and the network."
    )


def cannot_tunnel(login: Login, bastion: Login, error: asyncssh.ChannelOpenError) -> Unreachable:
    """The bastion could not or would not connect to the machine."""
    title = f"cannot connect to {login.label} through {bastion.label}"
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return Unreachable(
            title,
            detail=f"the bastion forbids forwarding ({error.reason})",
            fix="Set AllowTcpForwarding yes (and PermitOpen, if used) in the bastion's sshd_config.",
        )
    return Unreachable(
        title,
        detail=f"seen from the bastion: {error.reason}",
        fix=f"On the bastion, try: nc -vz {login.host} {login.port}",
    )


def handshake_failed(
    login: Login,
    error: Exception,
    *,
    server_version: str | None,
    first_words: str = "",
    attempts: int = 1,
) -> Unreachable:
    """The machine answered, but no SSH session with it came about before the login.

    `server_version` is the banner the peer sent (None: none), `first_words` what a fresh connection says first.
    """
    title = f"{login.label} does not complete the SSH handshake"
    evidence = Evidence(output=tuple(first_words.splitlines()[:3])) if first_words else None
    if isinstance(error, TimeoutError | asyncio.TimeoutError) or "timeout" in str(error).lower():
        if server_version is None:
            return Unreachable(
                title,
                detail="the port accepts connections but sends no SSH banner",
                fix="Check that the port belongs to an SSH server and that it is not overloaded.",
                evidence=evidence,
            )
        return Unreachable(
            title,
            detail=f"the login was not finished in time (server: {server_version})",
            fix="Look at the machine's load and its DNS (UseDNS no in sshd_config), or raise the login timeout.",
        )
    if isinstance(error, asyncssh.ConnectionLost | ConnectionError | OSError):
        if server_version is None and first_words and not first_words.startswith("SSH-"):
            busy = "startups" in first_words.lower() or "not allowed" in first_words.lower()
            if not busy:
                return Unreachable(
                    title,
                    detail="the port answers, but not with the SSH protocol",
                    fix="Correct the port of the machine.",
                    evidence=evidence,
                )
        return ConnectionBroken(
            title,
            detail=f"it closed the connection before the login, {attempts} times",
            fix="Typical causes: MaxStartups too low (sshd_config), a block by fail2ban or hosts.deny, "
            "a port that is not SSH. Look at the machine's journal: journalctl -u sshd",
            evidence=evidence,
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return Unreachable(
            title,
            detail=f"no common algorithm: {error.reason} (server: {server_version})",
            fix="Update the machine's SSH server, or allow modern algorithms in its sshd_config.",
        )
    return Unreachable(title, detail=str(error), fix="Look at the machine's journal: journalctl -u sshd")


def host_key_unusable(login: Login, error: asyncssh.HostKeyNotVerifiable) -> HostKeyRejected:
    """The key is revoked in known_hosts, or its certificate does not hold."""
    return HostKeyRejected(
        f"the host key of {login.label} cannot be trusted",
        detail=error.reason,
        fix="A key marked @revoked must be replaced on the machine (ssh-keygen -A, restart sshd); "
        "a host certificate must be valid now and name this address.",
    )


def is_login_refusal(error: Exception) -> bool:
    """True when the server had enough of our attempts to log in."""
    return isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in str(error)


def login_refused(
    login: Login, tried: tuple[str, ...], offered: tuple[str, ...], unanswered: tuple[str, ...]
) -> AuthenticationFailed:
    """No way to log in worked. `offered` are the server's methods, `unanswered` prompts we had no answer for."""
    parts = [f"tried: {', '.join(tried) or 'nothing, there is neither a password nor a key'}"]
    if offered:
        parts.append(f"the server accepts: {', '.join(offered)}")
    if unanswered:
        parts.append(f"it asked for something else than a password: {'; '.join(unanswered)}")
    password_closed = offered and not {"password", "keyboard-interactive"} & set(offered)
    if login.password is not None and password_closed:
        fix = "This server takes no passwords: give a private key, or set PasswordAuthentication yes."
    elif login.private_key is not None:
        fix = "Check the user name, and that the public key is in the user's ~/.ssh/authorized_keys."
    elif login.password is not None:
        fix = "Check user name and password"
        fix += " and PermitRootLogin in sshd_config." if login.username == "root" else "."
    else:
        fix = "Give a password or a private key for this machine, or load a key into the agent (ssh-add)."
    return AuthenticationFailed(f"{login.label} refuses the login", detail="\n".join(parts), fix=fix)


def broken(login: Login, doing: str, error: Exception | None) -> ConnectionBroken:
    """An open connection ended while `doing` something."""
    reason = str(error) if error is not None and str(error) else "the connection was closed"
    return ConnectionBroken(
        f"lost the connection to {login.label} while {doing}",
        detail=reason,
        fix="Check the machine and the network; the work is taken up again from here.",
    )


def sudo_refused(
    login: Login, text: str, *, has_password: bool, redact: Callable[[str], str]
) -> AuthenticationFailed | None:
    """The error for sudo's own words (in the C locale); None when they are not a refusal by sudo."""
    low = text.lower()
    title = f"sudo refuses {login.username or 'the user'} on {login.label}"
    evidence = Evidence("sudo", output=tuple(redact(text).strip().splitlines()[-5:]))
    detail, fix = "", ""
    if "you must have a tty" in low or "requiretty" in low:
        detail = "sudo wants a terminal (requiretty)"
        fix = f"In visudo: Defaults:{login.username} !requiretty"
    elif "not in the sudoers" in low or "may not run sudo" in low or "is not allowed to execute" in low:
        detail = "the user has no right to run commands as root"
        fix = f"In visudo: {login.username} ALL=(ALL) ALL — or log in as root."
    elif "incorrect password" in low or ("no password was provided" in low and has_password):
        detail = "the sudo password is wrong"
        fix = "Correct the sudo password (without one, the login password is used)."
    elif "a password is required" in low or "no password was provided" in low:
        detail = "sudo asks for a password and none was given"
        fix = f"Give the sudo password, or in visudo: {login.username} ALL=(ALL) NOPASSWD: ALL"
    elif "account" in low and ("expired" in low or "locked" in low or "validation failure" in low):
        detail = "the account is expired or locked"
        fix = f"On the machine: chage -l {login.username}; faillock --user {login.username}"
    elif ("sudo" in low and "not found" in low) or "env: 'sudo'" in low:
        detail = "sudo is not installed"
        fix = "Install sudo on the machine, or log in as root."
    else:
        return None
    return AuthenticationFailed(title, detail=detail, fix=fix, evidence=evidence)

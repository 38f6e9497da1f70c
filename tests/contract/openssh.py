"""Starts real OpenSSH servers on loopback addresses, each with its own keys and mount namespace.

Needs /usr/sbin/sshd, root and mount namespaces; `why_not` says what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

SSHD = "/usr/sbin/sshd"
PRIVATE = ("/etc", "/tmp", "/var/tmp", "/root", "/opt", "/srv")
"""Directories in which each server sees a private, changeable copy or an empty place instead of this host's."""
INSIDE = "/mnt"
"""Where the server sees its own directory."""

USER = "installer"
USER_PASSWORD = "user-password-of-a-test"


def why_not() -> str | None:
    """None when servers can be started here, else the reason."""
    if not Path(SSHD).exists():
        return "no OpenSSH server is installed (apt-get install openssh-server)"
    if os.geteuid() != 0:
        return "real OpenSSH servers need root"
    probe = subprocess.run(("unshare", "--mount", "true"), capture_output=True, check=False)
    return None if probe.returncode == 0 else "mount namespaces are not allowed here"


@dataclass
class OpenSsh:
    """One running server; `async with` starts and stops it.

    Root logs in with `client_key`. With `sudo_rule` (e.g. `ALL=(ALL) ALL`) a user `installer` exists as well, with
    the same key and `USER_PASSWORD`. `options` are further lines of sshd_config.
    """

    directory: Path
    address: str = "127.0.0.1"
    port: int = 2222
    options: Mapping[str, str] = field(default_factory=dict)
    sudo_rule: str | None = None
    process: asyncio.subprocess.Process | None = None

    @property
    def client_key(self) -> str:
        return (self.directory / "client_key").read_text()

    @property
    def root(self) -> Path:
        """The private directories of the server as seen from this host."""
        return self.directory / "root"

    async def __aenter__(self) -> OpenSsh:
        self._prepare()
        self.process = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "--propagation", "private", "sh", str(self.directory / "start"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                if b"Server listening" in line:
                    self._drain = asyncio.create_task(self._read_on(self.process.stderr))
                    return self
        raise RuntimeError(f"sshd on {self.address} ended with {await self.process.wait()}")

    async def _read_on(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass

    async def __aexit__(self, *_exc: object) -> None:
        assert self.process is not None
        # Sessions outlive the listener; everything of this server, and nothing else, is in its mount namespace.
        namespace = _mount_namespace(self.process.pid)
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        for pid in _members(namespace):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._drain.cancel()

    def processes(self) -> list[list[str]]:
        """Argument lists of everything that runs on this server."""
        assert self.process is not None
        found = []
        for pid in _members(_mount_namespace(self.process.pid)):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                found.append(words[:-1])
        return [words for words in found if words]

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("host_key", "client_key"):
            key = asyncssh.generate_private_key("ssh-ed25519")
            (self.directory / name).write_bytes(key.export_private_key("openssh"))
            (self.directory / name).chmod(0o600)
            (self.directory / f"{name}.pub").write_bytes(key.export_public_key("openssh"))
        for name in PRIVATE:
            (self.root / name[1:]).mkdir(parents=True, exist_ok=True)
        self._copy_etc()
        self._authorize()
        options = {
            "ListenAddress": f"{self.address}:{self.port}",
            "HostKey": f"{INSIDE}/host_key",
            "PidFile": "none",
            "UsePAM": "no",
            "PermitRootLogin": "yes",
            "StrictModes": "no",
            "AuthorizedKeysFile": "/etc/ssh/keys_%u",
            "Subsystem": "sftp internal-sftp",
            "PasswordAuthentication": "yes",
            **self.options,
        }
        config = "".join(f"{key} {value}\n" for key, value in options.items())
        (self.directory / "sshd_config").write_text(config)
        # The directory itself may lie below one of those that are about to be covered.
        mounts = "".join(f"mount --bind {INSIDE}/root{name} {name}\n" for name in PRIVATE)
        (self.directory / "start").write_text(
            f"set -e\nmkdir -p /run/sshd\nmount --bind {self.directory} {INSIDE}\n{mounts}"
            f"exec {SSHD} -D -e -f {INSIDE}/sshd_config\n"
        )

    def _copy_etc(self) -> None:
        etc = self.root / "etc"
        for name in ("passwd", "group", "shadow", "nsswitch.conf", "hosts", "login.defs", "ld.so.cache"):
            if (source := Path("/etc") / name).exists():
                shutil.copy2(source, etc / name)
        for name in ("pam.d", "security", "alternatives"):
            if (source := Path("/etc") / name).is_dir():
                shutil.copytree(source, etc / name, symlinks=True)
        (etc / "ssh").mkdir()
        (self.root / "root").chmod(0o700)
        for name in ("tmp", "var/tmp"):
            (self.root / name).chmod(0o1777)

    def _authorize(self) -> None:
        etc = self.root / "etc"
        public = (self.directory / "client_key.pub").read_text()
        for user in ("root", USER):
            (etc / "ssh" / f"keys_{user}").write_text(public)
        if self.sudo_rule is None:
            return
        hashed = subprocess.run(
            ("openssl", "passwd", "-6", "-stdin"),
            input=USER_PASSWORD,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        with (etc / "passwd").open("a") as file:
            file.write(f"{USER}:x:4242:4242::/srv:/bin/bash\n")
        with (etc / "group").open("a") as file:
            file.write(f"{USER}:x:4242:\n")
        with (etc / "shadow").open("a") as file:
            file.write(f"{USER}:{hashed}:19000:0:99999:7:::\n")
        sudoers = etc / "sudoers"
        sudoers.write_text(f"Defaults !syslog, !mail_badpass\nroot ALL=(ALL) ALL\n{self.sudo_rule}\n")
        sudoers.chmod(0o440)


def _mount_namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return None


def _members(namespace: str | None) -> list[int]:
    own = _mount_namespace(os.getpid())
    if namespace is None or namespace == own:
        return []
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _mount_namespace(pid) == namespace]

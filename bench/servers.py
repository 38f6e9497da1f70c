"""Real OpenSSH servers, each on a private copy-on-write root of this machine and with the rights of a container.

What a session writes goes to a tmpfs that ends with its server; /proc/sys cannot be written, root lacks the
capabilities to load modules, switch swap or mount, and sees no process but its own. So real handlers may do their work.
root's home is empty as on a bare machine: bash would read for each command what somebody keeps in it here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SSHD = "/usr/sbin/sshd"
PROGRAMS = ("unshare", "nsenter", "setpriv", "pivot_root", "mount", "ip", "ssh-keygen")

# As Docker leaves its containers, without raw sockets and device files.
_RIGHTS = (
    *("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"),
    *("net_bind_service", "sys_chroot", "audit_write", "setfcap"),
)
_START = """set -eu
here=$1
mount -t tmpfs -o size=256m,mode=755 private "$here/private"
cd "$here/private"
mkdir upper work root
mount -t overlay -o "lowerdir=/,upperdir=$here/private/upper,workdir=$here/private/work" overlay root
cd root
mount -t tmpfs -o mode=755 private run
mount -t tmpfs -o mode=1777 private tmp
mount -t tmpfs -o mode=700 private root
mount -t tmpfs -o mode=755 private dev
mkdir run/sshd
for name in null zero full random urandom tty; do
  : >"dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
printf 'Filename\\tType\\tSize\\tUsed\\tPriority\\n' >run/swaps
mount --bind run/swaps proc/swaps
rm -rf "$PWD/etc/kubernetes" "$PWD/var/lib/tke-tui" "$PWD/opt/cni"
rm -f "$PWD/usr/sbin/conntrack" "$PWD/usr/bin/conntrack" "$PWD"/usr/bin/nvidia-*
cp -r "$here/files/." .
sed -i 's/^root:[^:]*:/root:*:/' etc/shadow
pivot_root . mnt
cd /
umount -l /mnt
exec setpriv --inh-caps=-all --bounding-set=-all,RIGHTS SSHD -D -e -f /etc/ssh/sshd_config_bench
""".replace("RIGHTS", ",".join(f"+{right}" for right in _RIGHTS)).replace("SSHD", SSHD)
_HOSTS = "127.0.0.1 localhost\n"
_FSTAB = "/dev/vda1 / ext4 defaults 0 1\n/dev/vda2 none swap sw 0 0\n"

LOGINS, COMMANDS, FILE_SESSIONS = (
    "Accepted publickey",
    "Starting session: command",
    "Starting session: subsystem",
)
"""What a server counts, as it says so in its log."""


def why_not() -> str | None:
    """None when such servers can be started here, else the reason."""
    if os.geteuid() != 0:
        return "servers with a root of their own need root"
    if not Path(SSHD).exists():
        return "no OpenSSH server is installed (apt-get install openssh-server)"
    for program in PROGRAMS:
        found = subprocess.run(("sh", "-c", f"command -v {program}"), capture_output=True, check=False)
        if found.returncode:
            return f"{program} is missing (apt-get install util-linux iproute2 openssh-client)"
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system (modprobe overlay)"
    probe = subprocess.run(
        ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "true"), capture_output=True, check=False
    )
    return None if probe.returncode == 0 else "namespaces are not allowed here"


@dataclass
class Server:
    """One running server, port 22 of `address`; `async with` starts and stops it.

    `inside` is the prefix of a command that runs in its network; `public_key` may log in as root. `directory` gets
    its configuration. `counts` is how often the server itself said LOGINS, COMMANDS and FILE_SESSIONS.
    """

    directory: Path
    address: str
    public_key: str
    inside: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    _last_lines: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Server:
        self._prepare()
        # The servers must not outlive the benchmark, however it ends: each process dies with the one before it.
        self._process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", *self.inside),
            *("unshare", "--mount", "--propagation", "private", "--pid", "--ipc", "--uts"),
            *("--fork", "--kill-child=KILL", "--", "sh", "-c", _START, "sh", str(self.directory)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stderr is not None
        listening = asyncio.Event()
        self._reader = asyncio.create_task(self._read(self._process.stderr, listening))
        try:
            async with asyncio.timeout(30):
                await listening.wait()
        except BaseException:
            await self._stop()
            raise
        if self._process.stderr.at_eof():
            await self._stop()
            raise RuntimeError(f"the server {self.address} did not start: {' / '.join(self._last_lines)}")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        # `unshare` takes its child along, and with the first process of a PID namespace all others end.
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._reader

    async def _read(self, stream: asyncio.StreamReader, listening: asyncio.Event) -> None:
        try:
            while line := await stream.readline():
                text = line.decode("utf-8", "replace").strip()
                self.counts.update(said for said in (LOGINS, COMMANDS, FILE_SESSIONS) if said in text)
                self._last_lines = [*self._last_lines[-4:], text]
                if "Server listening" in text:
                    listening.set()
        finally:
            listening.set()

    def _prepare(self) -> None:
        (self.directory / "private").mkdir(parents=True, mode=0o700)
        ssh = self.directory / "files/etc/ssh"
        ssh.mkdir(parents=True)
        make_key(ssh / "bench_host_key")
        (ssh / "bench_authorized_keys").write_text(self.public_key)
        (ssh / "sshd_config_bench").write_text(
            f"ListenAddress {self.address}:22\nHostKey /etc/ssh/bench_host_key\nPidFile none\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\nStrictModes no\nLogLevel VERBOSE\n"
            "AuthorizedKeysFile /etc/ssh/bench_authorized_keys\nSubsystem sftp internal-sftp\n"
        )
        (ssh.parent / "hosts").write_text(_HOSTS)
        (ssh.parent / "fstab").write_text(_FSTAB)


def counted(running: Iterable[Server]) -> Counter[str]:
    """What these servers counted until now, together."""
    return sum((server.counts for server in running), Counter())


def make_key(path: Path) -> None:
    """An Ed25519 key pair without passphrase: `path` and `path`.pub."""
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)), check=True)

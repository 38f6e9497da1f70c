"""The socket of an installation directory: who may serve it, who may come in, and names that fit into an address."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import StateError
from tke_tui.core.paths import InstallDir

LONGEST = 107
"""Bytes of a path that fit into `sun_path` (unix(7)), the ending zero left out."""

_WAITING = 128
"""Connections the kernel keeps for a server that has not accepted them yet."""


class SeatTaken(StateError):
    """Another process serves the socket of this directory."""


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A name for the socket that fits into an address while the block lasts, however long `path` is.

    Raises OSError when the directory of a long path cannot be opened.
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class Seat:
    """The right to serve the socket of a directory, which the kernel takes back with the process.

    `take` may be followed by a fork: the lock stays with whoever keeps the object.
    """

    def __init__(self, directory: InstallDir) -> None:
        self._directory = directory
        self._lock: int | None = None
        self.socket: socket.socket | None = None

    def take(self) -> socket.socket:
        """A listening socket, mode 0600; what a dead process left in its place is removed.

        Raises `SeatTaken`, or `StateError` when the directory cannot be used.
        """
        with usable(self._directory.root):
            lock = os.open(self._directory.socket_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise SeatTaken(
                    f"An engine process already serves {self._directory.root}",
                    fix="Attach to it with: tke-tui --resume, or choose another directory with --dir.",
                ) from None
            self._lock = lock
            try:
                os.ftruncate(lock, 0)
                os.write(lock, b"taken\n")
                self.socket = self._bind()
            except OSError:
                self.leave()
                raise
        return self.socket

    def _bind(self) -> socket.socket:
        self._directory.socket.unlink(missing_ok=True)
        served = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                with address(self._directory.socket) as name:
                    served.bind(name)
            finally:
                os.umask(before)
            served.listen(_WAITING)
            served.setblocking(False)
        except BaseException:
            served.close()
            raise
        return served

    def leave(self) -> None:
        """Remove the socket and give the right back."""
        if self._lock is None:
            return
        if self.socket is not None:
            self._directory.socket.unlink(missing_ok=True)
            self.socket.close()
            self.socket = None
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None


def is_taken(directory: InstallDir) -> bool:
    """Whether a process serves the directory at this moment, or is about to; changes nothing."""
    try:
        lock = os.open(directory.socket_lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Empty = given back in order; trying the lock then could keep out a process that starts right now.
        if os.read(lock, 1):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says."""

    pid: int
    uid: int

    @property
    def may_enter(self) -> bool:
        """The user the engine runs as, and root, who may do everything anyway."""
        return self.uid in (0, os.geteuid())


def peer_of(connection: socket.socket) -> Peer:
    """SO_PEERCRED of a connected Unix socket: a struct ucred of pid, uid and gid."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Peer(pid, uid)

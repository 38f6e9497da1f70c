"""One engine per installation directory: an advisory lock that the kernel drops with the process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from pathlib import Path

from tke_tui.core.errors import StateError


class DirectoryLock:
    """Context manager over `engine.lock`; raises `StateError` naming the holder when another process has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> DirectoryLock:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe(os.read(descriptor, 4096))
            os.close(descriptor)
            raise StateError(
                f"Another engine works in {self._path.parent}",
                detail=holder,
                fix="Wait for it to end, or choose another directory with --dir.",
            ) from None
        holder_record = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only its note is missing
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(holder_record).encode())
        self._descriptor = descriptor
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(path: Path) -> str:
    """Who holds the lock at this moment, as a phrase; "" when nobody does. Changes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        # Empty = given back in order; trying the lock then could keep out an engine that starts right now.
        if record := os.read(descriptor, 4096):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _describe(record)
    finally:
        os.close(descriptor)
    return ""


def _describe(data: bytes) -> str:
    try:
        record = json.loads(data)
        since = time.strftime("%H:%M:%S", time.localtime(record["since"]))
        return f"process {record['pid']} on {record['host']}, since {since}"
    except (ValueError, KeyError, TypeError):
        return "it holds engine.lock"

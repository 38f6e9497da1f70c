"""One engine per installation directory: an advisory lock that the kernel drops with the process."""

from __future__ import annotations

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
        os.ftruncate(descriptor, 0)
        holder_record = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
        os.write(descriptor, json.dumps(holder_record).encode())
        self._descriptor = descriptor
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _describe(data: bytes) -> str:
    try:
        record = json.loads(data)
        since = time.strftime("%H:%M:%S", time.localtime(record["since"]))
        return f"process {record['pid']} on {record['host']}, since {since}"
    except (ValueError, KeyError, TypeError):
        return "it holds engine.lock"

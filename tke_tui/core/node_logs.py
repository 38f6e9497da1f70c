"""Log files of an installation: `logs/<node>.log` per machine and `logs/installer.log` for the rest, all 0600.

Line: `2026-01-31T08:15:00Z EnsureDocker stdout | text`. Text is written as it came, already redacted.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import TextIO

from tke_tui.core.paths import InstallDir


class NodeLogs:
    """Keeps the files open; line-buffered, so that a reader sees each line at once.

    A line that cannot be written (full disk) is left out: a log must not stop an installation.
    """

    def __init__(self, directory: InstallDir) -> None:
        self._directory = directory
        self._files: dict[str, TextIO] = {}

    def write(self, node: str, at: float, source: str, stream: str, line: str) -> None:
        """Append one line; `node` is "" for the installer, `at` seconds since the epoch."""
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with contextlib.suppress(OSError):
            file = self._files.get(node)
            if file is None:
                file = self._files[node] = self._open(node)
            file.write(f"{stamp} {source} {stream} | {line}\n")

    def _open(self, node: str) -> TextIO:
        path = self._directory.node_log(node)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")

    def close(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._files.clear()

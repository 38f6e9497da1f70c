"""SFTP on a machine whose root file system is a directory of this host: links lead where they lead on the machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh

from tke_tui.lab.tree import inside


class TreeSftp(asyncssh.SFTPServer):
    """The server's own way into a directory only takes `..` apart; a link would lead out of it."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], root: Path) -> None:
        self._root = root.resolve()
        super().__init__(channel, chroot=os.fsencode(self._root))

    def map_path(self, path: bytes) -> bytes:
        return os.fsencode(inside(self._root, os.fsdecode(path), follow=False))

    def _target(self, path: bytes) -> bytes:
        """The path on the machine without a link in it, for what is done to that which a link names."""
        return self.reverse_map_path(os.fsencode(inside(self._root, os.fsdecode(path))))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().open(self._target(path), pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().open56(self._target(path), desired_access, flags, attrs)

    def stat(self, path: bytes) -> Any:
        return super().stat(self._target(path))

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().setstat(self._target(path), attrs)

    def realpath(self, path: bytes) -> bytes:
        return self._target(path)

    def readlink(self, path: bytes) -> bytes:
        return os.readlink(self.map_path(path))  # noqa: PTH115 - bytes

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        os.symlink(oldpath, self.map_path(newpath))  # noqa: PTH211 - bytes

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(self._target(path)):
            yield entry

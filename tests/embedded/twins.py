"""Two trees made alike: in one the real programs run, in the other one the lab answers. Both must look alike after."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Self

Listing = dict[str, tuple[str, int, str]]
"""Path on the machine -> (kind, mode, digest of the content or target of the link)."""


class Twins:
    """`real` and `model` are the roots; what is made here is made in both."""

    def __init__(self, directory: Path) -> None:
        self.real, self.model = directory / "real", directory / "model"
        self.directory("/var/tmp")

    @property
    def roots(self) -> tuple[Path, Path]:
        return self.real, self.model

    def directory(self, name: str, mode: int = 0o755) -> Self:
        for root in self.roots:
            path = root / name.lstrip("/")
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        return self

    def file(self, name: str, content: bytes = b"content\n", mode: int = 0o644) -> Self:
        for root in self.roots:
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)
        return self

    def link(self, name: str, target: str) -> Self:
        """A link; in the real tree, which is no root of anything, an absolute one leads into that tree."""
        for root in self.roots:
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(f"{root}{target}" if target.startswith("/") and root == self.real else target)
        return self

    def clear(self) -> None:
        for root in self.roots:
            shutil.rmtree(root)
        self.directory("/var/tmp")

    def listings(self) -> tuple[Listing, Listing]:
        return self._listing(self.real), self._listing(self.model)

    def _listing(self, root: Path) -> Listing:
        found: Listing = {}
        for where, directories, files in os.walk(root):
            for path in (Path(where, name) for name in (*directories, *files)):
                state, name = path.lstat(), f"/{path.relative_to(root)}"
                mode = stat.S_IMODE(state.st_mode)
                if path.is_symlink():
                    found[name] = ("link", 0, str(path.readlink()).removeprefix(str(root)))
                elif path.is_dir():
                    found[name] = ("directory", mode, "")
                else:
                    found[name] = ("file", mode, hashlib.sha256(path.read_bytes()).hexdigest())
        return found

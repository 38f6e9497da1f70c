"""Root trees and tar archives that come out the same every time: sorted, owned by root, one fixed date."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from tests.lab.images.pool import LIBRARY_DIRECTORY, Pool, merged
from tests.lab.settings import LabError

# The release day of Kubernetes v1.20.2. Any fixed date does; tar complains about the year 1970.
EPOCH = 1610496000
_LOADER = "ld-linux-x86-64.so.2"
_MERGED_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


@dataclass(frozen=True)
class _Content:
    source: Path | bytes
    mode: int


@dataclass
class Tree:
    """Files, links and directories by their path without a leading slash. Nothing is copied until it is written."""

    files: dict[str, _Content] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    directories: dict[str, int] = field(default_factory=dict)

    def file(self, path: str, source: Path, mode: int = 0o755) -> None:
        """A file with the content of ``source``."""
        self.files[path] = _Content(source, mode)

    def text(self, path: str, content: str, mode: int = 0o644) -> None:
        self.files[path] = _Content(content.encode(), mode)

    def link(self, path: str, target: str) -> None:
        self.links[path] = target

    def directory(self, path: str, mode: int = 0o755) -> None:
        self.directories[path] = mode

    def merge_usr(self) -> None:
        """Make ``/bin`` and its like links into ``/usr``, as Debian has them."""
        for path, target in _MERGED_LINKS.items():
            self.link(path, target)

    def debian(self, pool: Pool, path: str, at: str = "") -> None:
        """A file or a whole directory of the pool at its merged place (or ``at``), with the libraries it needs."""
        source = pool.get(path)
        place = at or merged(path)
        if source.is_dir():
            for entry in sorted(source.iterdir()):
                self.debian(pool, f"{path}/{entry.name}", f"{place}/{entry.name}")
            return
        self.file(place, source, source.stat().st_mode & 0o777)
        self.libraries(pool, source)

    def libraries(self, pool: Pool, program: Path) -> None:
        """The shared libraries and the loader that ``program`` needs from the pool."""
        for soname, library in pool.libraries(program).items():
            self.file(f"{LIBRARY_DIRECTORY}/{soname}", library, 0o755)
            if soname == "libc.so.6":
                self.file(f"{LIBRARY_DIRECTORY}/{_LOADER}", pool.get(f"{LIBRARY_DIRECTORY}/{_LOADER}"))
                self.link(f"usr/lib64/{_LOADER}", f"/{LIBRARY_DIRECTORY}/{_LOADER}")

    def write(self, sink: IO[bytes], *, parents: bool = True) -> None:
        """Write a tar stream. Without ``parents`` it holds no directory entries but those asked for.

        An archive for unpacking over a live root must be without: a directory entry replaces a link of the same
        name, and ``/lib`` is such a link.
        """
        entries: dict[str, tarfile.TarInfo] = {}
        for path, content in self.files.items():
            entries[path] = info = _info(path, tarfile.REGTYPE, content.mode)
            info.size = (
                len(content.source) if isinstance(content.source, bytes) else content.source.stat().st_size
            )
        for path, target in self.links.items():
            entries[path] = info = _info(path, tarfile.SYMTYPE, 0o777)
            info.linkname = target
        for path, mode in self.directories.items():
            entries[path] = _info(path, tarfile.DIRTYPE, mode)
        if parents:
            for path in list(entries):
                for parent in PurePosixPath(path).parents:
                    if str(parent) not in (".", *entries):
                        entries[str(parent)] = _info(str(parent), tarfile.DIRTYPE, 0o755)
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(entries):
                self._add(tar, entries[path])

    def _add(self, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        if not info.isreg():
            tar.addfile(info)
            return
        source = self.files[info.name].source
        if isinstance(source, bytes):
            tar.addfile(info, io.BytesIO(source))
            return
        with source.open("rb") as file:
            tar.addfile(info, file)


def _info(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = kind, mode, EPOCH
    info.uname = info.gname = "root"
    return info


@contextmanager
def gzip_writer(target: Path) -> Iterator[IO[bytes]]:
    """Compress what is written into ``target``, which appears only when all went well.

    gzip runs as a process of its own, so that two archives use two cores. Raises LabError when it fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    with fresh.open("wb") as out:
        process = subprocess.Popen(["gzip", "-1", "-n", "-c"], stdin=subprocess.PIPE, stdout=out)
        assert process.stdin is not None
        try:
            yield process.stdin
        finally:
            process.stdin.close()
            code = process.wait()
    if code != 0:
        raise LabError(f"gzip into {fresh}: exit {code}; is the disk full?")
    fresh.rename(target)

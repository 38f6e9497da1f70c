"""Debian packages as a pool of files: downloaded once, unpacked side by side, searched by path."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.lab.apt import Apt
from tests.lab.settings import LabError
from tests.lab.shell import cached, run, stage

LIBRARY_DIRECTORY = "usr/lib/x86_64-linux-gnu"
_MERGED = ("bin/", "sbin/", "lib/", "lib64/")
_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")


def merged(path: str) -> str:
    """A path of a package as it is on a machine with merged /usr: ``bin/kmod`` is ``usr/bin/kmod``."""
    return f"usr/{path}" if path.startswith(_MERGED) else path


def upstream_version(debian: str) -> str:
    """Version of the packaged software: ``1:1.4.7-1+b2`` is ``1.4.7``."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", debian)
    if found is None:
        raise LabError(f"{debian!r} is no version of a Debian package")
    return found.group(1)


class Pool:
    """Unpacked packages below ``home``, one directory each. A package once fetched stays at its version."""

    def __init__(self, home: Path, apt: Apt) -> None:
        self.home = home
        self._apt = apt
        self._roots: dict[str, Path] = {}
        self._versions: dict[str, str] = {}
        self._libraries: dict[Path, tuple[str, ...]] = {}

    def fetch(self, packages: Iterable[str]) -> None:
        """Bring every one of ``packages`` into the pool. Raises LabError when APT cannot."""
        wanted = list(dict.fromkeys(packages))
        missing = [name for name in wanted if not (self.home / name / "version").exists()]
        if not missing:
            cached("debian packages for the bundle")
        else:
            with stage(f"debian packages for the bundle ({len(missing)} missing)"):
                self._download(missing)
        for name in wanted:
            self._roots[name] = self.home / name / "root"
            self._versions[name] = (self.home / name / "version").read_text()

    def _download(self, packages: Sequence[str]) -> None:
        downloads = self.home / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        self._apt.download(packages, downloads)
        for archive in sorted(downloads.glob("*.deb")):
            fields = run(["dpkg-deb", "-W", "--showformat=${Package} ${Version}", archive]).stdout.split()
            name, version = fields
            fresh = self.home / f"{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / "root").mkdir(parents=True)
            run(["dpkg-deb", "-x", archive, fresh / "root"])
            (fresh / "version").write_text(version)
            shutil.rmtree(self.home / name, ignore_errors=True)
            fresh.rename(self.home / name)
        shutil.rmtree(downloads)

    def version(self, package: str) -> str:
        """Upstream version of a package in the pool."""
        return upstream_version(self._versions[package])

    def identity(self, packages: Iterable[str]) -> str:
        """The packages with their Debian versions: what a result made from them depends on."""
        return "\n".join(f"{name} {self._versions[name]}" for name in sorted(set(packages)))

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of all packages in the pool."""
        return tuple(self._versions)

    def find(self, path: str) -> Path | None:
        """The real file or directory behind ``path`` (no leading slash), through links of whatever package."""
        for _ in range(8):
            hit = self._entry(path)
            if hit is None or not hit[1].is_symlink():
                return hit[1] if hit else None
            place, entry = hit
            path = os.path.normpath(Path("/", place).parent / entry.readlink()).lstrip("/")
        return None

    def _entry(self, path: str) -> tuple[str, Path] | None:
        short = path.removeprefix("usr/")
        spellings = [path, short] if short.startswith(_MERGED) else [path]
        spellings += [f"usr/{path}"] if path.startswith(_MERGED) else []
        for root in self._roots.values():
            for spelling in spellings:
                entry = root / spelling
                if entry.is_symlink() or entry.exists():
                    return spelling, entry
        return None

    def get(self, path: str) -> Path:
        """As ``find``. Raises LabError when no package of the pool has it."""
        found = self.find(path)
        if found is None:
            raise LabError(f"/{path} is in none of the packages {', '.join(sorted(self._roots))}")
        return found

    def libraries(self, program: Path) -> dict[str, Path]:
        """Shared libraries (soname to file) that an ELF file needs, directly or not; none for a static one.

        Raises LabError naming the library that no package of the pool has.
        """
        found: dict[str, Path] = {}
        queue = [program]
        while queue:
            current = queue.pop()
            for soname in self._needs(current):
                if soname in found:
                    continue
                path = self.find(f"{LIBRARY_DIRECTORY}/{soname}")
                if path is None:
                    raise LabError(f"{current} needs {soname}, which is in none of the pool's packages")
                found[soname] = path
                queue.append(path)
        return found

    def _needs(self, path: Path) -> tuple[str, ...]:
        if path not in self._libraries:
            with path.open("rb") as file:
                binary = file.read(4) == b"\x7fELF"
            text = run(["readelf", "-d", path]).stdout if binary else ""
            self._libraries[path] = tuple(_NEEDED.findall(text))
        return self._libraries[path]

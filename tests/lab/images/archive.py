"""Container images without a container engine: layers and the archive that ``docker save`` writes.

Made by hand rather than by ``docker import`` and ``docker save`` because an image then has the same identity on
every machine, so a change of one image leaves all others, and their layers on the machines, untouched.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tests.lab.images.pool import Pool
from tests.lab.images.tree import EPOCH, Tree
from tests.lab.shell import fingerprint

ARCHITECTURE = "amd64"
NAMESPACE = "tkestack"
_CREATED = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


@dataclass(frozen=True)
class Image:
    """What an image holds and how it starts. Paths inside the image have no leading slash.

    debian: files or directories of the pool, put at their own place together with the libraries they need.
    files: programs from elsewhere (static ones). texts: small files. links: symbolic links to their targets.
    """

    name: str
    tag: str
    debian: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """``<name>-<arch>:<tag>``, the name in the bundle without its namespace."""
        return f"{self.name}-{ARCHITECTURE}:{self.tag}"

    def key(self, pool: Pool) -> str:
        """Fingerprint of everything the image is made of."""
        start = [self.debian, sorted(self.texts.items()), sorted(self.links.items()), self.directories]
        run = [self.entrypoint, self.cmd, self.env, self.ports, self.volumes]
        files = [f"{place} {_sha256(source)}" for place, source in sorted(self.files.items())]
        code = [Path(__file__), Path(__file__).with_name("tree.py")]
        return fingerprint(
            repr([start, run, files]), pool.identity(pool.packages) if self.debian else "", *code
        )

    def tree(self, pool: Pool) -> Tree:
        tree = Tree()
        tree.merge_usr()
        tree.directory("tmp", 0o1777)
        for directory in ("proc", "sys", "dev", "etc", "root", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin"):
            tree.directory(directory)
        for directory in self.directories:
            tree.directory(directory)
        for place, text in {**_ACCOUNTS, **self.texts}.items():
            tree.text(place, text, 0o755 if text.startswith("#!") else 0o644)
        for place, source in self.files.items():
            tree.file(place, source)
        for path in self.debian:
            tree.debian(pool, path)
        for place, target in self.links.items():
            tree.link(place, target)
        return tree

    def _config(self, layer: str) -> dict[str, Any]:
        settings: dict[str, Any] = {"Env": [_PATH, *self.env], "WorkingDir": "/"}
        if self.entrypoint:
            settings["Entrypoint"] = list(self.entrypoint)
        if self.cmd:
            settings["Cmd"] = list(self.cmd)
        if self.ports:
            settings["ExposedPorts"] = {port: {} for port in self.ports}
        if self.volumes:
            settings["Volumes"] = {volume: {} for volume in self.volumes}
        return {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "created": _CREATED,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": _CREATED, "created_by": f"tke-tui lab: {self.name}"}],
        }

    def build(self, pool: Pool, home: Path) -> BuiltImage:
        """Make the layer and the configuration below ``home`` when they are not there for this very recipe."""
        directory = home / f"{self.name}-{self.tag}-{self.key(pool)}"
        layer, config = directory / "layer.tar", directory / "config.json"
        if not config.exists():
            directory.mkdir(parents=True, exist_ok=True)
            fresh = directory / "layer.new"
            with fresh.open("wb") as file:
                self.tree(pool).write(file)
            fresh.rename(layer)
            text = json.dumps(self._config(_sha256(layer)), sort_keys=True)
            (directory / "config.new").write_text(text)
            (directory / "config.new").rename(config)
        return BuiltImage(self.reference, directory)


@dataclass(frozen=True)
class BuiltImage:
    """An image on disk: ``layer.tar`` and ``config.json`` below ``directory``."""

    reference: str
    directory: Path

    @property
    def config(self) -> bytes:
        return (self.directory / "config.json").read_bytes()

    @property
    def identity(self) -> str:
        """The image ID without its ``sha256:`` prefix."""
        return hashlib.sha256(self.config).hexdigest()

    @property
    def layer(self) -> str:
        """Name of the layer's directory in the archive: its content digest."""
        digest: str = json.loads(self.config)["rootfs"]["diff_ids"][0]
        return digest.removeprefix("sha256:")


def write_archive(images: Iterable[BuiltImage], sink: IO[bytes]) -> None:
    """Write the archive ``docker load`` reads, every image under ``tkestack/<reference>``; equal layers once."""
    repositories: dict[str, dict[str, str]] = {}
    by_id: dict[str, BuiltImage] = {}
    names: dict[str, list[str]] = {}
    for image in sorted(images, key=lambda image: image.reference):
        repository, _, tag = f"{NAMESPACE}/{image.reference}".rpartition(":")
        repositories.setdefault(repository, {})[tag] = image.layer
        by_id[image.identity] = image
        names.setdefault(image.identity, []).append(f"{repository}:{tag}")
    entries = [
        {"Config": f"{key}.json", "RepoTags": names[key], "Layers": [f"{image.layer}/layer.tar"]}
        for key, image in by_id.items()
    ]
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        _put(tar, "manifest.json", json.dumps(entries).encode())
        _put(tar, "repositories", json.dumps(repositories, sort_keys=True).encode())
        written: set[str] = set()
        for key, image in by_id.items():
            _put(tar, f"{key}.json", image.config)
            if image.layer in written:
                continue
            written.add(image.layer)
            _put(tar, f"{image.layer}/VERSION", b"1.0")
            _put(tar, f"{image.layer}/json", json.dumps({"id": image.layer, "created": _CREATED}).encode())
            _put(tar, f"{image.layer}/layer.tar", image.directory / "layer.tar")


def _put(tar: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = EPOCH, 0o644
    if isinstance(content, bytes):
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        return
    info.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(info, file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

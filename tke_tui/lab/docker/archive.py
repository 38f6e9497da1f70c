"""Small, valid `docker save` archives made in memory: a real daemon loads them, too."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SavedImage:
    """One image of an archive; `id` is the digest of its configuration, as the daemon computes it."""

    config: bytes
    layers: tuple[bytes, ...]
    tags: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"


def make_image(tag: str, files: Mapping[str, bytes], *, arch: str = "amd64") -> SavedImage:
    layer = _tar(files)
    config = {
        "architecture": arch,
        "os": "linux",
        "config": {"Cmd": ["/none"]},
        "created": "2020-01-01T00:00:00Z",
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "tests"}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    return SavedImage(json.dumps(config, sort_keys=True).encode(), (layer,), (tag,))


def write_archive(path: Path, images: list[SavedImage]) -> str:
    """Write a gzip archive of the images; returns its SHA-256 in hex."""
    data = gzip.compress(archive_of(images), compresslevel=1, mtime=0)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def archive_of(images: list[SavedImage]) -> bytes:
    """An archive of the images, not compressed."""
    files: dict[str, bytes] = {}
    manifest: list[dict[str, Any]] = []
    for image in images:
        name = f"{image.id.removeprefix('sha256:')}.json"
        files[name] = image.config
        layers = []
        for layer in image.layers:
            layers.append(f"{hashlib.sha256(layer).hexdigest()}/layer.tar")
            files[layers[-1]] = layer
        manifest.append({"Config": name, "RepoTags": list(image.tags), "Layers": layers})
    files["manifest.json"] = json.dumps(manifest).encode()
    return _tar(files)


def read_archive(data: bytes) -> list[SavedImage]:
    """The images of an archive (plain or gzip); raises tarfile.TarError, KeyError or EOFError on a broken one."""
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:

        def content(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        return [
            SavedImage(
                content(entry["Config"]), tuple(map(content, entry["Layers"])), tuple(entry["RepoTags"] or ())
            )
            for entry in json.loads(content("manifest.json"))
        ]


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()

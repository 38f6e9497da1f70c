"""What is in an image archive (`docker save`), told by one pass over it: nothing is unpacked, nothing kept in memory.

`manifest.json` of an archive names each image's configuration by its SHA-256, which is what Docker calls the image's
ID, unless it keeps its images in containerd: then the ID is another one, that only loading tells.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from tke_tui.core.errors import UsageError
from tke_tui.core.images import ImageRef

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_LARGEST_MANIFEST = 1 << 26
_GZIP = b"\x1f\x8b"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BROKEN = (zlib.error, tarfile.TarError, UsageError)


class _Stopped(Exception):
    pass


class _File:
    """The archive's bytes in order, with their checksum and how many there were."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], None], stop: threading.Event) -> None:
        self.digest = hashlib.sha256()
        self._file = file
        self._on_bytes = on_bytes
        self._stop = stop
        self._done = self._told = 0
        self._ahead = file.read(len(_GZIP))
        self.compressed = self._ahead == _GZIP

    def read(self, size: int = -1) -> bytes:
        if self._stop.is_set():
            raise _Stopped
        wanted = _BLOCK if size < 0 else max(size - len(self._ahead), 0)
        data, self._ahead = self._ahead + self._file.read(wanted), b""
        self.digest.update(data)
        self._done += len(data)
        if not data or self._done - self._told >= _BLOCK:
            self._told = self._done
            self._on_bytes(self._done)
        return data

    def rest(self) -> None:
        while self.read(_BLOCK):
            pass


def image_ids(
    path: Path,
    sha256: str = "",
    *,
    on_bytes: Callable[[int], None] = lambda done: None,
    stop: threading.Event | None = None,
) -> dict[str, str]:
    """Image name as Docker lists it -> `sha256:…`; nothing where the archive does not tell.

    It does not where it cannot be read, where its content does not match `sha256` (hex), and where it is of another
    form. Reads every byte (seconds per gigabyte): call it in a thread; `stop` ends it early. `on_bytes` gets the
    number of bytes read so far, in that thread, about once per MiB and at the end.
    """
    try:
        with path.open("rb") as opened:
            file = _File(opened, on_bytes, stop or threading.Event())
            found = dict(_images(_manifest(file)))
            file.rest()
    except (_Stopped, OSError, EOFError, ValueError, KeyError, TypeError, *_BROKEN):
        return {}
    return found if sha256 in ("", file.digest.hexdigest()) else {}


def _manifest(file: _File) -> bytes:
    stream = cast("BinaryIO", file)
    plain = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if file.compressed else stream
    with tarfile.open(fileobj=plain, mode="r|*", bufsize=_BLOCK) as archive:
        for member in archive:
            if member.name.removeprefix("./") == MANIFEST and member.size <= _LARGEST_MANIFEST:
                content = archive.extractfile(member)
                return content.read() if content is not None else b""
    raise ValueError(f"no {MANIFEST}")


def _images(manifest: bytes) -> Iterator[tuple[str, str]]:
    for image in json.loads(manifest):
        digest = _DIGEST.search(str(image["Config"]))
        if digest is not None:
            for name in image["RepoTags"] or ():
                yield ImageRef.parse(name).familiar, f"sha256:{digest.group()}"

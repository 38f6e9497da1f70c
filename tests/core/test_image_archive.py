"""Which images an archive holds: told from any form Docker loads, without trusting one that is not whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import threading
from pathlib import Path

import pytest

from tke_tui.core.image_archive import image_ids
from tke_tui.lab.docker.archive import archive_of, make_image

IMAGES = [
    make_image("tkestack/etcd-amd64:v1", {"data": random.Random(1).randbytes(3_000_000)}),
    make_image("tkestack/pause:3.2", {"data": b"b"}),
]
PLAIN = archive_of(IMAGES)
WANTED = {image.tags[0]: image.id for image in IMAGES}
FORMS = {
    "plain": PLAIN,
    "gzip": gzip.compress(PLAIN),
    "gzip in several parts": gzip.compress(PLAIN[:9000]) + gzip.compress(PLAIN[9000:]),
    "xz": lzma.compress(PLAIN, preset=0),
}


def tar(**files: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, document in files.items():
            data = json.dumps(document).encode()
            info = tarfile.TarInfo(f"./{name}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def put(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "images.tar.gz"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_its_images_and_all_bytes_are_checked(form: str, tmp_path: Path) -> None:
    data, seen = FORMS[form], [0]
    path = put(tmp_path, data)
    assert image_ids(path, hashlib.sha256(data).hexdigest(), on_bytes=seen.append) == WANTED
    assert seen[-1] == len(data)
    assert seen == sorted(seen)
    assert 3 <= len(seen) <= 8
    assert image_ids(path, "0" * 64) == {}


def test_the_layout_of_newer_engines_is_read_too(tmp_path: Path) -> None:
    digest = "ab" * 32
    names = ["docker.io/tkestack/etcd:v1", "registry.example.com:5000/etcd:v1"]
    document = [{"Config": f"blobs/sha256/{digest}", "RepoTags": names, "Layers": []}]
    assert image_ids(put(tmp_path, tar(index={}, manifest=document))) == {
        "tkestack/etcd:v1": f"sha256:{digest}",
        "registry.example.com:5000/etcd:v1": f"sha256:{digest}",
    }


BROKEN = {
    "empty": b"",
    "the beginning of gzip": b"\x1f\x8b",
    "something else": b"no archive at all" * 100,
    "the end is missing": FORMS["gzip"][:-2000],
    "damaged": FORMS["gzip"][:50] + b"\0" * 50 + FORMS["gzip"][100:],
    "half": PLAIN[:2_000_000],
    "no manifest": tar(other={}),
    "a manifest of another kind": tar(manifest=5),
    "no names": tar(manifest=[{"Config": "ab" * 32}]),
    "no name": tar(manifest=[{"Config": "ab" * 32, "RepoTags": ["Not A Name"]}]),
    "no digest": tar(manifest=[{"Config": "config.json", "RepoTags": ["tkestack/etcd:v1"]}]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_whole_archive_tells_nothing(what: str, tmp_path: Path) -> None:
    assert image_ids(put(tmp_path, BROKEN[what])) == {}


def test_no_file_tells_nothing_and_a_reader_can_be_stopped(tmp_path: Path) -> None:
    assert image_ids(tmp_path / "absent") == {}
    stop, seen = threading.Event(), [0]
    path = put(tmp_path, PLAIN)

    def stop_soon(done: int) -> None:
        seen.append(done)
        stop.set()

    assert image_ids(path, on_bytes=stop_soon, stop=stop) == {}
    assert 0 < seen[-1] < len(PLAIN)

"""The parts of the bundle builder that make its files: wrong ones break a machine far from here."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import conntrack
from tests.lab.bundle import HOOKS, write_hooks
from tests.lab.images.archive import BuiltImage, Image, write_archive
from tests.lab.images.pool import Pool, merged, upstream_version
from tests.lab.images.tree import Tree, gzip_writer
from tests.lab.settings import LabError, Paths


class NoApt:
    """A pool over packages that are there never asks APT."""


def _pool(home: Path, packages: dict[str, dict[str, str]]) -> Pool:
    for name, files in packages.items():
        root = home / name / "root"
        for path, content in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith("->"):
                place.symlink_to(content[2:])
            else:
                place.write_text(content)
        (home / name / "version").write_text("1:2.3-4+b1")
    pool = Pool(home, NoApt())  # type: ignore[arg-type]
    pool.fetch(packages)
    return pool


def _members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


def _written(tree: Tree, *, parents: bool = True) -> bytes:
    sink = io.BytesIO()
    tree.write(sink, parents=parents)
    return sink.getvalue()


def test_a_tree_for_a_live_root_has_no_directory_entries_that_would_replace_links() -> None:
    tree = Tree()
    tree.text("usr/lib/x86_64-linux-gnu/libx.so", "x")
    assert list(_members(_written(tree, parents=False))) == ["usr/lib/x86_64-linux-gnu/libx.so"]
    assert "usr" in _members(_written(tree))


def test_a_tree_comes_out_the_same_whatever_the_order(tmp_path: Path) -> None:
    one, two = Tree(), Tree()
    source = tmp_path / "program"
    source.write_text("program")
    one.file("a", source)
    one.text("b", "text")
    two.text("b", "text")
    os.utime(source, (1, 1))
    two.file("a", source)
    assert _written(one) == _written(two)
    assert all(member.uid == 0 for member in _members(_written(one)).values())


def test_the_pool_follows_links_between_packages_and_merged_directories(tmp_path: Path) -> None:
    pool = _pool(tmp_path, {"one": {"sbin/modprobe": "->/bin/tool"}, "two": {"bin/tool": "tool"}})
    assert pool.get("usr/sbin/modprobe").read_text() == "tool"
    assert merged("bin/tool") == "usr/bin/tool"
    with pytest.raises(LabError, match=r"/usr/bin/other.*one, two"):
        pool.get("usr/bin/other")


@pytest.mark.parametrize(
    ("debian", "version"), [("20.10.24+dfsg1-1+b6", "20.10.24"), ("1:1.4.7-1", "1.4.7"), ("30+2022", "30")]
)
def test_versions_are_those_of_the_packaged_software(debian: str, version: str) -> None:
    assert upstream_version(debian) == version


def _image(tag: str = "1") -> Image:
    return Image("tool", tag, texts={"etc/tool.conf": "x"}, entrypoint=("/tool",))


def test_an_archive_names_every_image_and_holds_equal_layers_once(tmp_path: Path) -> None:
    pool = _pool(tmp_path / "debs", {})
    built = [_image(tag).build(pool, tmp_path / "images") for tag in ("1", "2")]
    sink = io.BytesIO()
    write_archive(built, sink)
    members = _members(sink.getvalue())
    assert [name for name in members if name.endswith("layer.tar")] == [f"{built[0].layer}/layer.tar"]
    with tarfile.open(fileobj=io.BytesIO(sink.getvalue())) as tar:
        entry = tar.extractfile("manifest.json")
        assert entry is not None
        manifest = json.load(entry)
    assert manifest == [
        {
            "Config": f"{built[0].identity}.json",
            "RepoTags": ["tkestack/tool-amd64:1", "tkestack/tool-amd64:2"],
            "Layers": [f"{built[0].layer}/layer.tar"],
        }
    ]


def test_an_image_is_built_again_only_when_its_recipe_changes(tmp_path: Path) -> None:
    pool = _pool(tmp_path / "debs", {})
    first = _image().build(pool, tmp_path / "images")
    written = (first.directory / "layer.tar").stat().st_mtime_ns
    again = _image().build(pool, tmp_path / "images")
    assert again == first
    assert (again.directory / "layer.tar").stat().st_mtime_ns == written
    program = tmp_path / "program"
    program.write_text("new")
    other = Image("tool", "1", files={"tool": program}).build(pool, tmp_path / "images")
    assert isinstance(other, BuiltImage)
    assert other.identity != first.identity


def test_a_compressed_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.tar.gz"

    def write(then: Callable[[], object]) -> None:
        with gzip_writer(target) as sink:
            sink.write(b"half")
            then()

    with pytest.raises(KeyError):
        write(lambda: dict[str, str]()["no such key"])
    assert not target.exists()
    write(lambda: None)
    assert gzip.decompress(target.read_bytes()) == b"half"


def test_hooks_run_and_note_it_where_they_are_told(tmp_path: Path) -> None:
    write_hooks(tmp_path / "hooks")
    log = tmp_path / "log"
    for name in HOOKS:
        done = subprocess.run(
            [tmp_path / "hooks" / name],
            env={**os.environ, "TKE_LAB_HOOK_LOG": str(log)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"hook {name} ran\n"
    assert log.read_text().splitlines() == list(HOOKS)


def test_the_machines_conntrack_limit_is_given_back(tmp_path: Path) -> None:
    limit = tmp_path / "nf_conntrack_max"
    limit.write_text("99\n")
    lab = Paths(tmp_path / "cache")
    conntrack.set_limit(lab, limit)
    conntrack.set_limit(lab, limit)
    assert limit.read_text() == str(conntrack.wanted(len(os.sched_getaffinity(0))))
    conntrack.restore_limit(lab, limit)
    assert limit.read_text() == "99"

"""The lab's offline bundle: ``python -m tests.lab.bundle`` makes ``<cache>/bundle``. Its format is the product's own.

Real are the Kubernetes programs, etcd, docker, the registry, keepalived, InfluxDB, busybox, iptables and the CNI
plugins, all of them from Debian's packages or sources. What is packaged nowhere has a stand-in, see tests/lab/standins.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.lab.apt import Apt, require_root
from tests.lab.images import packages, platform, recipes
from tests.lab.images.archive import BuiltImage, Image, write_archive
from tests.lab.images.pool import Pool
from tests.lab.images.standins import StandIns
from tests.lab.images.tree import gzip_writer
from tests.lab.kubernetes import Kubernetes
from tests.lab.settings import TKE_VERSION, LabError, Paths, paths
from tests.lab.shell import cached, exclusive, fingerprint, say, stage

SCHEMA = 1
ARCHIVE = "images.tar.gz"
HOOKS = ("pre-install", "post-cluster-ready", "post-install")
_HOOK = """\
#!/bin/sh
# A hook of the lab's bundle: says that it ran, and notes it where the test asks for it.
set -eu
echo "hook {name} ran"
if [ -n "${{TKE_LAB_HOOK_LOG:-}}" ]; then
    echo "{name}" >> "$TKE_LAB_HOOK_LOG"
fi
"""
_WORKERS = 2


def build_bundle(cache: Path) -> Path:
    """Make or bring up to date the bundle below ``cache`` and return its directory.

    Every stage is left out when nothing it depends on has changed. Raises LabError when a stage fails; the
    bundle's manifest is written last, so one that is there describes whole files.
    """
    lab = Paths(cache)
    bundle = cache / "bundle"
    require_root()
    with exclusive(cache / "bundle.lock"):
        apt = Apt(lab)
        apt.install()
        binaries = Kubernetes(lab, apt).build()
        pool = Pool(cache / "debs", apt)
        pool.fetch([*packages.DEBIAN_PACKAGES, *recipes.DEBIAN_PACKAGES])
        standins = StandIns(lab)
        standins.build()
        bundle.mkdir(parents=True, exist_ok=True)
        tarballs = packages.package_tarballs(pool, binaries)
        keys = cache / "bundle-keys"
        with ThreadPoolExecutor(_WORKERS) as workers:
            jobs = {tarball.name: workers.submit(tarball.build, bundle, keys) for tarball in tarballs}
            for name in platform.PROVIDER_PACKAGES:
                jobs[name].result()
            recipe_list = [
                *recipes.images(pool, binaries, standins),
                platform.provider_res(
                    {t.path: bundle / t.path for t in tarballs if t.name in platform.PROVIDER_PACKAGES}
                ),
            ]
            built = _images(recipe_list, pool, cache / "images")
            _archive(built, bundle / ARCHIVE, keys / f"{ARCHIVE}.key")
            for job in jobs.values():
                job.result()
        write_hooks(bundle / "hooks")
        files = [ARCHIVE, *(tarball.path for tarball in tarballs), *(f"hooks/{name}" for name in HOOKS)]
        _remove_others(bundle, files)
        manifest = {
            "schema": SCHEMA,
            "version": TKE_VERSION,
            "architectures": [packages.ARCHITECTURE],
            "kubernetes": [recipes.kubernetes_release(pool)],
            "images": recipes.other_tags(recipe_list),
            "packages": {tarball.name: tarball.version for tarball in tarballs},
            "contents": sorted(image.reference for image in built),
        }
        _manifest(bundle, manifest, files)
    return bundle


def _images(recipe_list: list[Image], pool: Pool, home: Path) -> list[BuiltImage]:
    with stage(f"images ({len(recipe_list)})"):
        built = [image.build(pool, home) for image in recipe_list]
    for stale in {path for path in home.iterdir() if path.is_dir()} - {image.directory for image in built}:
        shutil.rmtree(stale)
    return built


def _archive(images: list[BuiltImage], target: Path, marker: Path) -> None:
    key = fingerprint(*sorted(f"{image.reference} {image.identity}" for image in images))
    if target.exists() and marker.exists() and marker.read_text() == key:
        cached(ARCHIVE)
        return
    with stage(ARCHIVE):
        with gzip_writer(target) as sink:
            write_archive(images, sink)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(key)


def write_hooks(directory: Path) -> None:
    """Write the bundle's three hooks into ``directory``."""
    directory.mkdir(exist_ok=True)
    for name in HOOKS:
        path = directory / name
        path.write_text(_HOOK.format(name=name))
        path.chmod(0o755)


def _remove_others(bundle: Path, files: list[str]) -> None:
    """Drop what an earlier recipe left: a bundle holds nothing its manifest does not name."""
    kept = {bundle / name for name in files}
    for path in bundle.rglob("*"):
        if path.is_file() and path not in kept and path.name != "manifest.json":
            path.unlink()


def _manifest(bundle: Path, manifest: dict[str, Any], files: list[str]) -> None:
    with stage("manifest.json"):
        entries: dict[str, dict[str, str | int]] = {}
        for name in sorted(files):
            with (bundle / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            entries[name] = {"sha256": digest, "size": (bundle / name).stat().st_size}
        fresh = bundle / "manifest.json.new"
        fresh.write_text(json.dumps({**manifest, "files": entries}, indent=2) + "\n")
        fresh.rename(bundle / "manifest.json")


def main() -> int:
    try:
        bundle = build_bundle(paths().root)
    except LabError as error:
        say(f"The bundle could not be made: {error}")
        return 1
    print(bundle)
    return 0


if __name__ == "__main__":
    sys.exit(main())

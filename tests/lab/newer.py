"""A bundle with a newer Kubernetes, for upgrades: ``python -m tests.lab.newer`` makes ``<cache>/bundle-newer``.

Debian packages one version only. The newer one is the same source linked with the next patch version in it, which is
all that kubeadm, kubelet and the API server know of their own version: upgrades are real, what they bring is not.
The bundle holds nothing else, since an update takes the rest from the machines as they are.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab.apt import Apt
from tests.lab.bundle import ARCHIVE, SCHEMA, build_bundle, write_hooks
from tests.lab.images import packages, recipes
from tests.lab.images.archive import write_archive
from tests.lab.images.pool import Pool
from tests.lab.images.standins import StandIns
from tests.lab.images.tree import gzip_writer
from tests.lab.kubernetes import Kubernetes
from tests.lab.settings import KUBERNETES_VERSION, TKE_VERSION, Paths, paths
from tests.lab.shell import cached, exclusive, fingerprint, stage
from tke_tui.core.bundle import file_sha256

_major, _minor, _patch = KUBERNETES_VERSION.split(".")
NEWER = f"{_major}.{_minor}.{int(_patch) + 1}"
"""``v1.20.3`` where the lab's version is ``v1.20.2``."""


def directory(cache: Path) -> Path:
    return cache / "bundle-newer"


def build_newer(cache: Path) -> Path:
    """Make the bundle below ``cache`` and return its directory. Raises LabError when a stage fails."""
    lab, target = Paths(cache), directory(cache)
    base = build_bundle(cache)
    with exclusive(cache / "bundle-newer.lock"):
        key = fingerprint(base / "manifest.json", NEWER, Path(__file__))
        marker = cache / "bundle-newer.key"
        if marker.exists() and marker.read_text() == key:
            cached("bundle with a newer Kubernetes")
            return target
        apt = Apt(lab)
        binaries = Kubernetes(lab, apt).build(NEWER)
        pool = Pool(cache / "debs", apt)
        pool.fetch([*packages.DEBIAN_PACKAGES, *recipes.DEBIAN_PACKAGES])
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with stage(f"bundle with Kubernetes {NEWER}"):
            _fill(target, base, lab, pool, binaries)
        marker.write_text(key)
    return target


def _fill(target: Path, base: Path, lab: Paths, pool: Pool, binaries: Path) -> None:
    standins = StandIns(lab)
    images = [
        replace(image, tag=NEWER)
        for image in recipes.images(pool, binaries, standins)
        if image.tag == KUBERNETES_VERSION
    ]
    tarballs = [
        replace(tarball, version=NEWER) if tarball.version == KUBERNETES_VERSION else tarball
        for tarball in packages.package_tarballs(pool, binaries)
    ]
    built = [image.build(pool, lab.root / "images-newer") for image in images]
    with gzip_writer(target / ARCHIVE) as sink:
        write_archive(built, sink)
    for tarball in tarballs:
        if (base / tarball.path).exists():
            (target / tarball.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(base / tarball.path, target / tarball.path)
        else:
            tarball.build(target, lab.root / "bundle-newer-keys")
    write_hooks(target / "hooks")
    original: dict[str, Any] = json.loads((base / "manifest.json").read_text())
    files = sorted(path for path in target.rglob("*") if path.is_file())
    manifest = {
        "schema": SCHEMA,
        "version": TKE_VERSION,
        "architectures": [packages.ARCHITECTURE],
        "kubernetes": [{**recipes.kubernetes_release(pool), "version": NEWER.removeprefix("v")}],
        "images": original["images"],
        "packages": {tarball.name: tarball.version for tarball in tarballs},
        "contents": sorted(image.reference for image in built),
        "files": {
            path.relative_to(target).as_posix(): {"sha256": file_sha256(path), "size": path.stat().st_size}
            for path in files
        },
    }
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    print(build_newer(paths().root))

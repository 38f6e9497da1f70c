"""The offline bundle: what versions it offers, where its files are, whether they are whole. Format: docs/bundle.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tke_tui.core.errors import BundleError

SCHEMA = 1
_BLOCK = 1 << 20


class KubernetesRelease(BaseModel):
    """One Kubernetes version of the bundle with the image tags that belong to it (`kube-*` tags are `v<version>`)."""

    model_config = ConfigDict(frozen=True)

    version: str
    etcd: str
    coredns: str
    pause: str


class FileEntry(BaseModel):
    model_config = ConfigDict(frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Manifest(BaseModel):
    """`manifest.json` of a bundle."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_version: Literal[1] = Field(alias="schema")
    version: str
    architectures: list[str] = Field(min_length=1)
    kubernetes: list[KubernetesRelease] = Field(min_length=1)
    images: dict[str, str] = {}
    packages: dict[str, str | list[str]] = {}
    contents: list[str] = []
    files: dict[str, FileEntry] = {}


@dataclass(frozen=True, slots=True)
class Package:
    """A tarball for the machines: `path` on the installer host, its checksum, its version as named in the bundle."""

    name: str
    version: str
    arch: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """An opened bundle. Raises `BundleError` wherever something asked for is not in it."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, root: Path) -> Bundle:
        """Read `manifest.json` below `root`; files are only verified by `verify`."""
        path = root / "manifest.json"
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise BundleError(
                f"There is no bundle at {root}",
                detail=f"{path} does not exist",
                fix="Unpack the offline bundle and name its directory with --bundle.",
            ) from None
        except OSError as error:
            raise BundleError(
                f"The bundle at {root} cannot be read",
                detail=f"{path}: {error.strerror}",
                fix="Check the path and its permissions.",
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise BundleError(
                f"The bundle manifest {path} is not valid",
                detail=f"{where}: {first['msg']}",
                fix=f"This version reads manifests of schema {SCHEMA}; take the bundle that belongs to it.",
            ) from None
        return cls(root, manifest)

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Kubernetes versions offered, the default first."""
        return tuple(release.version for release in self.manifest.kubernetes)

    def release(self, version: str) -> KubernetesRelease:
        for release in self.manifest.kubernetes:
            if release.version == version.removeprefix("v"):
                return release
        raise BundleError(
            f"The bundle has no Kubernetes {version}",
            detail=f"offered: {', '.join(self.versions)}",
            fix="Choose one of the offered versions in cluster.spec.version, or another bundle.",
        )

    def tag(self, image: str, version: str) -> str:
        """Tag of an image by its plain name for a Kubernetes version, e.g. `tag("etcd", "1.20.2")` -> `v3.4.23`."""
        release = self.release(version)
        if image in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
            return f"v{release.version}"
        if image in ("etcd", "coredns", "pause"):
            return str(getattr(release, image))
        if image in self.manifest.images:
            return self.manifest.images[image]
        if image.startswith("tke-"):
            return self.manifest.version
        raise BundleError(
            f"The bundle has no image {image}",
            detail=f"{self.root / 'manifest.json'} names no tag for it",
            fix="Take a complete bundle, or switch off the feature that needs this image.",
        )

    def has_image(self, image: str, tag: str) -> bool:
        """True when images.tar.gz holds the image for at least one architecture."""
        wanted = {f"{image}:{tag}", *(f"{image}-{arch}:{tag}" for arch in self.manifest.architectures)}
        return not wanted.isdisjoint(self.manifest.contents)

    def package(self, name: str, arch: str, version: str = "") -> Package:
        """A package tarball; `version` picks one of several, with or without its leading v; default the first."""
        offered = self.manifest.packages.get(name, [])
        versions = [offered] if isinstance(offered, str) else offered
        wanted = next((v for v in versions if not version or v.lstrip("v") == version.lstrip("v")), None)
        if wanted is None:
            raise BundleError(
                f"The bundle has no package {name} {version}".rstrip(),
                detail=f"offered: {', '.join(versions) or 'none'}",
                fix="Take a bundle that holds it.",
            )
        relative = f"res/linux-{arch}/{name}-linux-{arch}-{wanted}.tar.gz"
        entry = self.manifest.files.get(relative)
        if entry is None or not (self.root / relative).is_file():
            raise BundleError(
                f"The bundle has no package {name} {wanted} for {arch}",
                detail=f"{relative} is missing",
                fix=f"The bundle holds packages for {', '.join(self.manifest.architectures)}; take one for {arch}.",
            )
        return Package(name, wanted, arch, self.root / relative, entry.sha256)

    @property
    def images_archive(self) -> Path:
        return self.root / "images.tar.gz"

    def hook(self, name: str) -> Path:
        """Path of an installer hook: pre-install, post-cluster-ready or post-install. It may not exist."""
        return self.root / "hooks" / name

    def verify(self) -> Iterator[tuple[str, str]]:
        """Check every listed file; yields (relative path, problem), nothing when the bundle is whole.

        Reads every byte: seconds per gigabyte; call it in a thread from async code.
        """
        for relative, entry in sorted(self.manifest.files.items()):
            try:
                if problem := _problem(self.root / relative, entry):
                    yield relative, problem
            except OSError as error:
                yield relative, f"cannot be read: {error.strerror}"

    @property
    def fingerprint(self) -> str:
        """Short hash of the manifest, part of the key of every task that depends on the whole bundle."""
        canonical = json.dumps(self.manifest.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _problem(path: Path, entry: FileEntry) -> str:
    if not path.is_file():
        return "missing"
    if (size := path.stat().st_size) != entry.size:
        return f"{size} bytes instead of {entry.size}"
    return "" if file_sha256(path) == entry.sha256 else "content does not match its checksum"


def file_sha256(path: Path) -> str:
    """SHA-256 of a local file in hex, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

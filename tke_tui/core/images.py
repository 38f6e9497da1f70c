"""Names of images and what follows from them: references, architectures, manifest lists. Nothing here does I/O.

The bundle holds an image once per architecture (`etcd-amd64:v3.4.7`, `etcd-arm64:v3.4.7`); objects in the cluster
name it without one (`etcd:v3.4.7`), which is a manifest list in the registry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tke_tui.core.errors import UsageError

ARCHITECTURES = ("amd64", "arm64")
DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"

MANIFEST_V2 = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
INDEX_TYPES = (MANIFEST_LIST, OCI_INDEX)

_SINGLE_ARCH_PREFIXES = ("nvidia-device-plugin", "gpu")
_SINGLE_ARCH_NAMES = frozenset(
    {
        "alertmanager",
        "configmap-reload",
        "cron-hpa-controller",
        "csi-operator",
        "helm-api",
        "kube-state-metrics",
        "lbcf-controller",
        "log-agent",
        "log-collector",
        "log-file",
        "node-exporter",
        "prometheus",
        "prometheus-config-reloader",
        "prometheus-operator",
        "prometheusbeat",
        "swift",
        "tapp-controller",
        "tiller",
        "tke-audit-collector",
        "tke-event-watcher",
        "volume-decorator",
    }
)

# Old ARM machines report no variant or an unknown one; without entries of their own they find no image.
_ARM64_VARIANTS = ("", "v8", "unknown")

_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DOMAIN = re.compile(
    r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)"
    r"(?::[0-9]{1,5})?"
)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """`domain[:port]/path[:tag][@digest]` with Docker's defaults filled in (docker.io, library/, latest).

    `tag` is "" only when a digest is given without one.
    """

    domain: str
    path: str
    tag: str = DEFAULT_TAG
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference as Docker does; `UsageError` when it is none."""
        rest, _, digest = text.partition("@")
        first, slash, remainder = rest.partition("/")
        has_domain = bool(slash) and (
            "." in first or ":" in first or first == "localhost" or first != first.lower()
        )
        domain, rest = (first, remainder) if has_domain else (DOCKER_HUB, rest)
        path, colon, tag = rest.partition(":")
        if domain == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        if not colon and not digest:
            tag = DEFAULT_TAG
        if (
            not _DOMAIN.fullmatch(domain)
            or not _PATH.fullmatch(path)
            or ((tag or colon) and not _TAG.fullmatch(tag))
            or ((digest or "@" in text) and not _DIGEST.fullmatch(digest))
        ):
            raise UsageError(
                f"{text!r} is not an image reference",
                detail="the form is [host[:port]/]path[:tag], the path in lower case",
                fix="Correct the name, e.g. registry.example.com:5000/library/etcd:v3.4.7.",
            )
        return cls(domain, path, tag, digest)

    def __str__(self) -> str:
        return f"{self.domain}/{self.path}{self._suffix}"

    @property
    def familiar(self) -> str:
        """As Docker lists it: without `docker.io/` and `docker.io/library/`."""
        if self.domain != DOCKER_HUB:
            return str(self)
        return f"{self.path.removeprefix('library/')}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a registry says of a manifest: media type, `sha256:…` digest, size in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, order=True)
class BundleImage:
    """One entry of the bundle's contents; `arch` is "" for an image that exists for one architecture only."""

    name: str
    tag: str
    arch: str = ""

    @classmethod
    def parse(cls, entry: str) -> Self:
        """Read `name[-arch]:tag`; `UsageError` when it is not of that form."""
        ref = ImageRef.parse(f"localhost/{entry}")
        name, arch = split_arch(ref.path)
        return cls(name, ref.tag, arch)

    @property
    def member(self) -> str:
        """Name with its architecture, as in the archive."""
        return f"{self.name}-{self.arch}" if self.arch else self.name

    def __str__(self) -> str:
        return f"{self.member}:{self.tag}"


@dataclass(frozen=True, slots=True)
class ManifestListPlan:
    """The list `name:tag` and its members, one per architecture, sorted."""

    name: str
    tag: str
    members: tuple[BundleImage, ...]

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What goes into a registry: images, then lists over them, both sorted.

    `left_out` are images without architecture whose name a list takes: pushing them would overwrite the list.
    """

    images: tuple[BundleImage, ...]
    lists: tuple[ManifestListPlan, ...]
    left_out: tuple[BundleImage, ...] = ()


def never_multi_arch(name: str) -> bool:
    """True for images that exist for amd64 only and carry no architecture in their name (GPU and add-on images)."""
    return name.startswith(_SINGLE_ARCH_PREFIXES) or name in _SINGLE_ARCH_NAMES


def split_arch(name: str) -> tuple[str, str]:
    """`etcd-arm64` -> (`etcd`, `arm64`); the architecture is "" when the name has none."""
    base, _, arch = name.rpartition("-")
    if base and arch in ARCHITECTURES and not never_multi_arch(base):
        return base, arch
    return name, ""


def local_name(prefix: str, entry: str) -> str:
    """Name under which Docker lists an entry of the contents below `domain/namespace`."""
    return ImageRef.parse(f"{prefix}/{entry}").familiar


def local_filter(prefix: str) -> str:
    """Docker's reference filter for all images directly below `domain/namespace`."""
    return local_name(prefix, "x").removesuffix(f"x:{DEFAULT_TAG}") + "*"


def push_plan(contents: Iterable[str]) -> PushPlan:
    """Group the bundle's contents into images to push and lists to put; duplicates count once."""
    images = sorted({BundleImage.parse(entry) for entry in contents})
    members: dict[tuple[str, str], list[BundleImage]] = {}
    for image in images:
        if image.arch:
            members.setdefault((image.name, image.tag), []).append(image)
    left_out = tuple(image for image in images if not image.arch and (image.name, image.tag) in members)
    return PushPlan(
        images=tuple(image for image in images if image not in left_out),
        lists=tuple(
            ManifestListPlan(name, tag, tuple(group)) for (name, tag), group in sorted(members.items())
        ),
        left_out=left_out,
    )


def platforms(arch: str) -> list[dict[str, str]]:
    """The `platform` objects under which an image of this architecture appears in a list."""
    base = {"architecture": arch, "os": "linux"}
    if arch != "arm64":
        return [base]
    return [base | ({"variant": variant} if variant else {}) for variant in _ARM64_VARIANTS]


def manifest_list(members: Sequence[tuple[str, Descriptor]]) -> bytes:
    """Body of a manifest list over (architecture, descriptor) pairs; the same members always give the same bytes."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_LIST,
        "manifests": [
            {
                "mediaType": descriptor.media_type,
                "size": descriptor.size,
                "digest": descriptor.digest,
                "platform": platform,
            }
            for arch, descriptor in sorted(members, key=lambda member: member[0])
            for platform in platforms(arch)
        ],
    }
    return json.dumps(document, indent=3).encode()

"""The bundle of the embedded lab: a few kilobytes in the real layout, with every image any input may ask for."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tke_tui.core.bundle import Bundle
from tke_tui.core.components import COMPONENTS
from tke_tui.core.needed_images import OF_TASK
from tke_tui.lab.docker.archive import SavedImage, make_image, write_archive

KUBERNETES = "1.20.2"

PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "docker": (
        "20.10.24",
        tuple(f"docker/{n}" for n in ("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "runc")),
    ),
    "kubernetes-node": (f"v{KUBERNETES}", ("kubernetes/node/bin/kubelet", "kubernetes/node/bin/kubectl")),
    "kubeadm": (f"v{KUBERNETES}", ("kubeadm",)),
    "cni-plugins": ("v1.1.1", ("bridge", "host-local", "loopback", "portmap")),
    "conntrack-tools": ("1.4.7", ("usr/sbin/conntrack",)),
    "NVIDIA": ("440.31", ("NVIDIA.run",)),
    "nvidia-container-runtime": (
        "3.1.4",
        ("usr/bin/nvidia-container-runtime", "usr/bin/nvidia-container-toolkit"),
    ),
}
IMAGE_TAGS = {
    "registry": "2.8.1",
    "keepalived": "2.2.7",
    "galaxy": "v1.0.4",
    "flannel": "v0.10.0",
    "busybox": "1.31.1",
    "metrics-server": "v0.3.6",
    "addon-resizer": "1.8.11",
}


OPTIONAL_TAGS = {
    "provider-res": "v1.20.2-1",
    "influxdb": "1.7.9",
    "csi-operator": "v1.0.2",
    "gpu-manager": "v1.0.4",
    "gpu-quota-admission": "v1.0.0",
    "nvidia-device-plugin": "1.0.0-beta4",
}


def make_packages(root: Path, *, architectures: tuple[str, ...] = ("amd64",)) -> Bundle:
    """A bundle directory whose packages hold tiny files in the real layout; it has no images."""
    files: dict[str, dict[str, Any]] = {}
    for arch in architectures:
        for name, (version, members) in PACKAGES.items():
            relative = f"res/linux-{arch}/{name}-linux-{arch}-{version}.tar.gz"
            data = package_tarball(members, f"{name} {version} {arch}")
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
            (root / relative).write_bytes(data)
            files[relative] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest = {
        "schema": 1,
        "version": "v1.3.0",
        "architectures": list(architectures),
        "kubernetes": [{"version": KUBERNETES, "etcd": "v3.4.23", "coredns": "1.7.0", "pause": "3.2"}],
        "images": IMAGE_TAGS,
        "packages": {name: version for name, (version, _) in PACKAGES.items()},
        "contents": [],
        "files": files,
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    return Bundle.open(root)


def add_images(bundle: Bundle, entries: tuple[str, ...], *, salt: str = "") -> list[SavedImage]:
    """Give a bundle an archive of small images; returns them."""
    images = [
        make_image(
            f"tkestack/{entry}",
            {"name": f"{entry}{salt}".encode() * 400},
            arch="arm64" if "-arm64:" in entry else "amd64",
        )
        for entry in entries
    ]
    sha256 = write_archive(bundle.images_archive, images)
    path = bundle.root / "manifest.json"
    document = json.loads(path.read_text())
    document["contents"] = sorted(entries)
    document["files"]["images.tar.gz"] = {"sha256": sha256, "size": bundle.images_archive.stat().st_size}
    path.write_text(json.dumps(document))
    return images


def whole(bundle: Bundle) -> Bundle:
    """The same bundle with these images in its contents, once per architecture; no archive is made."""
    tags = {**OPTIONAL_TAGS, **bundle.manifest.images}
    tagged = Bundle(bundle.root, bundle.manifest.model_copy(update={"images": tags}))
    names = {name for names in OF_TASK.values() for name in names}
    names |= {name for component in COMPONENTS.values() for name in component.all_images}
    contents = [
        f"{name}-{arch}:{tagged.tag(name, bundle.versions[0])}"
        for name in sorted(names)
        for arch in bundle.manifest.architectures
    ]
    return Bundle(bundle.root, tagged.manifest.model_copy(update={"contents": contents}))


def make_bundle(root: Path) -> Bundle:
    """The lab's whole bundle below `root`: packages and images."""
    root.mkdir(parents=True, exist_ok=True)
    complete = whole(make_packages(root))
    path = root / "manifest.json"
    document = json.loads(path.read_text()) | {"images": complete.manifest.images}
    path.write_text(json.dumps(document))
    add_images(Bundle.open(root), tuple(complete.manifest.contents))
    return Bundle.open(root)


def package_tarball(members: tuple[str, ...], content: str) -> bytes:
    """A gzip tar of small executables with these names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in members:
            info = tarfile.TarInfo(name)
            data = f"{name} of {content}\n".encode()
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()

"""The bundle: versions and files come from its manifest; what is missing or damaged is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import BundleError


def make(root: Path, **changes: Any) -> Path:
    package = root / "res/linux-amd64/docker-linux-amd64-20.10.24.tar.gz"
    package.parent.mkdir(parents=True)
    package.write_bytes(b"tarball")
    manifest: dict[str, Any] = {
        "schema": 1,
        "version": "v1.3.0",
        "architectures": ["amd64"],
        "kubernetes": [
            {"version": "1.20.2", "etcd": "v3.4.23", "coredns": "1.7.0", "pause": "3.2"},
            {"version": "1.19.7", "etcd": "v3.4.13", "coredns": "1.7.0", "pause": "3.1"},
        ],
        "images": {"registry": "2.8.1"},
        "packages": {"docker": "20.10.24", "kubeadm": ["v1.20.2", "v1.19.7"]},
        "contents": ["etcd-amd64:v3.4.23", "gpu-manager:v1.0.4"],
        "files": {
            str(package.relative_to(root)): {"sha256": hashlib.sha256(b"tarball").hexdigest(), "size": 7}
        },
    }
    (root / "manifest.json").write_text(json.dumps(manifest | changes))
    return root


def test_tags_follow_the_kubernetes_version(tmp_path: Path) -> None:
    bundle = Bundle.open(make(tmp_path))
    assert bundle.versions == ("1.20.2", "1.19.7")
    assert bundle.tag("kube-proxy", "v1.19.7") == "v1.19.7"
    assert bundle.tag("etcd", "1.19.7") == "v3.4.13"
    assert bundle.tag("registry", "1.20.2") == "2.8.1"
    assert bundle.tag("tke-auth-api", "1.20.2") == "v1.3.0"


def test_what_is_not_offered_is_named_with_what_is(tmp_path: Path) -> None:
    bundle = Bundle.open(make(tmp_path))
    with pytest.raises(BundleError, match=r"no Kubernetes 1\.18\.3") as caught:
        bundle.release("1.18.3")
    assert "1.20.2, 1.19.7" in caught.value.detail
    with pytest.raises(BundleError, match="no image flannel"):
        bundle.tag("flannel", "1.20.2")
    with pytest.raises(BundleError, match=r"no package kubeadm v1\.20\.2 for amd64"):
        bundle.package("kubeadm", "amd64")
    with pytest.raises(BundleError, match=r"no package docker 20\.10\.24 for arm64"):
        bundle.package("docker", "arm64")


def test_packages_are_found_with_or_without_v(tmp_path: Path) -> None:
    package = Bundle.open(make(tmp_path)).package("docker", "amd64", "v20.10.24")
    assert package.path.read_bytes() == b"tarball"
    assert package.sha256 == hashlib.sha256(b"tarball").hexdigest()


def test_images_are_found_with_or_without_architecture(tmp_path: Path) -> None:
    bundle = Bundle.open(make(tmp_path))
    assert bundle.has_image("etcd", "v3.4.23")
    assert bundle.has_image("gpu-manager", "v1.0.4")
    assert not bundle.has_image("etcd", "v3.5.0")


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "missing"), (b"short", "5 bytes instead of 7"), (b"tarbell", "checksum")]
)
def test_verify_names_every_file_that_is_not_whole(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    bundle = Bundle.open(make(tmp_path))
    assert list(bundle.verify()) == []
    path = next(tmp_path.glob("res/linux-amd64/*"))
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    [(name, found)] = list(bundle.verify())
    assert name.startswith("res/linux-amd64/docker")
    assert problem in found


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "manifest"),
        ('{"schema": 2}', "schema"),
        ('{"schema": 1, "version": "v1", "architectures": ["amd64"], "kubernetes": []}', "kubernetes"),
    ],
)
def test_a_bad_manifest_is_explained(tmp_path: Path, document: str, problem: str) -> None:
    (tmp_path / "manifest.json").write_text(document)
    with pytest.raises(BundleError) as caught:
        Bundle.open(tmp_path)
    assert problem in str(caught.value)


def test_no_bundle_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no bundle") as caught:
        Bundle.open(tmp_path / "nowhere")
    assert "--bundle" in caught.value.fix


def test_the_fingerprint_changes_with_the_content(tmp_path: Path) -> None:
    one = Bundle.open(make(tmp_path / "one")).fingerprint
    assert one == Bundle.open(make(tmp_path / "two")).fingerprint
    assert one != Bundle.open(make(tmp_path / "three", version="v1.3.1")).fingerprint

"""Image names: parsing, architectures, manifest lists."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tke_tui.core.errors import UsageError
from tke_tui.core.images import (
    MANIFEST_V2,
    BundleImage,
    Descriptor,
    ImageRef,
    local_filter,
    local_name,
    manifest_list,
    never_multi_arch,
    push_plan,
    split_arch,
)

words = st.from_regex(r"[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8}){0,2}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
domains = st.one_of(
    st.sampled_from(["registry.tke.com", "localhost", "10.0.0.1:5000", "HUB:443", "[fd00::1]:5000", "r:80"]),
    st.from_regex(r"[a-z]{1,8}\.[a-z]{2,5}(?::[0-9]{2,5})?", fullmatch=True),
)
names = st.from_regex(r"[a-z][a-z0-9]{0,6}(?:-[a-z0-9]{1,6}){0,2}", fullmatch=True)


@given(domains, st.lists(words, min_size=1, max_size=3).map("/".join), tags)
def test_a_reference_survives_writing_and_reading(domain: str, path: str, tag: str) -> None:
    ref = ImageRef(domain, path, tag)
    assert ImageRef.parse(str(ref)) == ref
    assert ImageRef.parse(ref.familiar) == ref


@given(words, tags)
def test_docker_hub_names_are_listed_without_their_domain(path: str, tag: str) -> None:
    ref = ImageRef.parse(f"docker.io/tkestack/{path}:{tag}")
    assert ref.familiar == f"tkestack/{path}:{tag}"
    assert ImageRef.parse(ref.familiar) == ref


def test_a_registry_with_a_port_is_not_mistaken_for_a_tag() -> None:
    ref = ImageRef.parse("10.0.0.9:5000/library/kube-proxy-arm64:v1.20.2")
    assert (ref.domain, ref.path, ref.tag) == ("10.0.0.9:5000", "library/kube-proxy-arm64", "v1.20.2")
    assert ImageRef.parse("10.0.0.9:5000/x").tag == "latest"


def test_images_below_a_prefix_are_found_as_docker_lists_them() -> None:
    assert local_filter("docker.io/mine") == "mine/*"
    assert local_filter("10.0.0.9:5000/library") == "10.0.0.9:5000/library/*"
    assert local_name("docker.io/mine", "etcd-amd64:v1") == "mine/etcd-amd64:v1"
    assert local_name("registry.tke.com/library", "etcd-amd64:v1") == "registry.tke.com/library/etcd-amd64:v1"


def test_a_digest_alone_gets_no_tag() -> None:
    digest = "sha256:" + "a" * 64
    ref = ImageRef.parse(f"busybox@{digest}")
    assert (ref.path, ref.tag, ref.digest) == ("library/busybox", "", digest)
    assert ref.familiar == f"busybox@{digest}"


@pytest.mark.parametrize(
    "text",
    ["", "a b", "host/UPPER:x", "x:", "x:!", "x@", "x@sha256:12", "a//b", "-host.com/x:1", "host:port/x:1"],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an image reference"):
        ImageRef.parse(text)


@given(names, st.sampled_from(["", "amd64", "arm64"]))
def test_an_architecture_comes_off_and_goes_on_again(name: str, arch: str) -> None:
    base, _ = split_arch(name)
    assert base == name or name.endswith(("-amd64", "-arm64"))
    if split_arch(name)[1] or never_multi_arch(name):
        return
    member = f"{name}-{arch}" if arch else name
    assert split_arch(member) == (name, arch)
    assert BundleImage.parse(f"{member}:v1").member == member


@pytest.mark.parametrize("name", ["gpu-manager", "nvidia-device-plugin", "tapp-controller", "prometheus"])
def test_gpu_and_add_on_images_are_never_part_of_a_list(name: str) -> None:
    assert push_plan([f"{name}:v1"]).lists == ()
    assert split_arch(f"{name}-amd64") == (f"{name}-amd64", "")


entries = st.lists(
    st.builds(
        lambda name, arch, tag: f"{name}-{arch}:{tag}" if arch else f"{name}:{tag}",
        st.sampled_from(["etcd", "kube-proxy", "gpu-manager", "busybox"]),
        st.sampled_from(["", "amd64", "arm64"]),
        st.sampled_from(["v1", "v2"]),
    ),
    max_size=14,
)


@given(entries)
def test_every_entry_is_pushed_unless_a_list_takes_its_name(contents: list[str]) -> None:
    plan = push_plan(contents)
    listed = {str(one) for one in plan.lists}
    assert {str(image) for image in plan.images} | {str(image) for image in plan.left_out} == set(contents)
    assert listed.isdisjoint(str(image) for image in plan.images)
    assert {str(image) for image in plan.left_out} <= listed
    assert {str(m) for one in plan.lists for m in one.members} == {str(i) for i in plan.images if i.arch}
    assert list(plan.images) == sorted(plan.images)
    assert push_plan(reversed(contents)) == plan


def test_old_arm_machines_find_their_variants_in_the_list() -> None:
    amd, arm = (Descriptor(MANIFEST_V2, f"sha256:{c * 64}", 100) for c in "ab")
    body = json.loads(manifest_list([("arm64", arm), ("amd64", amd)]))
    assert [(m["platform"]["architecture"], m["platform"].get("variant")) for m in body["manifests"]] == [
        ("amd64", None),
        ("arm64", None),
        ("arm64", "v8"),
        ("arm64", "unknown"),
    ]
    assert {m["digest"] for m in body["manifests"][1:]} == {arm.digest}


def test_a_list_is_the_same_bytes_whatever_the_order_of_its_members() -> None:
    members = [
        ("arm64", Descriptor(MANIFEST_V2, "sha256:b", 2)),
        ("amd64", Descriptor(MANIFEST_V2, "sha256:a", 1)),
    ]
    assert manifest_list(members) == manifest_list(members[::-1])

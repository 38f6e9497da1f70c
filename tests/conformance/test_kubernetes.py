"""What the Kubernetes API answers, asked by the installer's own client and by plain requests."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conformance.targets import Target
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.errors import NotReady, TkeError

Object = dict[str, Any]


@pytest_asyncio.fixture(loop_scope="package")
async def kube(target: Target) -> KubeClient:
    return await target.services.kube()


@pytest_asyncio.fixture(loop_scope="package")
async def namespace(kube: KubeClient) -> AsyncIterator[str]:
    name = f"conformance-{secrets.token_hex(4)}"
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await kube.delete("v1", "Namespace", name)


def config_map(namespace: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": namespace},
        "data": data,
    }


async def test_apply_creates_changes_and_leaves_alone(kube: KubeClient, namespace: str) -> None:
    assert await kube.apply(config_map(namespace, a="1", b="2")) == "created"
    assert await kube.apply(config_map(namespace, a="1", b="2")) == "unchanged"
    assert await kube.apply(config_map(namespace, a="1")) == "changed"
    found = await kube.get("v1", "ConfigMap", "one", namespace)
    assert found is not None
    assert found["data"] == {"a": "1"}


async def test_a_dry_run_tells_and_keeps_nothing(kube: KubeClient, namespace: str) -> None:
    assert await kube.would_change(config_map(namespace, a="1"))
    assert await kube.get("v1", "ConfigMap", "one", namespace) is None
    await kube.apply(config_map(namespace, a="1"))
    assert not await kube.would_change(config_map(namespace, a="1"))


async def test_what_somebody_else_added_stays(kube: KubeClient, namespace: str) -> None:
    await kube.apply(config_map(namespace, a="1"))
    await kube.patch("v1", "ConfigMap", "one", {"data": {"theirs": "x"}}, namespace)
    await kube.apply(config_map(namespace, a="2"))
    found = await kube.get("v1", "ConfigMap", "one", namespace)
    assert found is not None
    assert found["data"] == {"a": "2", "theirs": "x"}


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", {"data": {"a": None, "c": "3"}}),
        ("strategic", {"data": {"a": None, "c": "3"}}),
        ("json", [{"op": "remove", "path": "/data/a"}, {"op": "add", "path": "/data/c", "value": "3"}]),
    ],
)
async def test_three_kinds_of_patch(kube: KubeClient, namespace: str, kind: Any, patch: Any) -> None:
    await kube.apply(config_map(namespace, a="1", b="2"))
    await kube.patch("v1", "ConfigMap", "one", patch, namespace, kind_of_patch=kind)
    found = await kube.get("v1", "ConfigMap", "one", namespace)
    assert found is not None
    assert found["data"] == {"b": "2", "c": "3"}


async def test_a_strategic_patch_merges_containers_by_name(kube: KubeClient, namespace: str) -> None:
    await kube.apply(_deployment(namespace))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "two", "image": "example/two:2"}]}}}}
    await kube.patch("apps/v1", "Deployment", "web", patch, namespace, kind_of_patch="strategic")
    found = await kube.get("apps/v1", "Deployment", "web", namespace)
    assert found is not None
    images = {c["name"]: c["image"] for c in found["spec"]["template"]["spec"]["containers"]}
    assert images == {"one": "example/one:1", "two": "example/two:2"}


async def test_generations_grow_with_the_spec_only(kube: KubeClient, namespace: str) -> None:
    await kube.apply(_deployment(namespace))
    first = await kube.get("apps/v1", "Deployment", "web", namespace)
    await kube.patch("apps/v1", "Deployment", "web", {"metadata": {"labels": {"a": "b"}}}, namespace)
    labelled = await kube.get("apps/v1", "Deployment", "web", namespace)
    await kube.patch("apps/v1", "Deployment", "web", {"spec": {"minReadySeconds": 3}}, namespace)
    changed = await kube.get("apps/v1", "Deployment", "web", namespace)
    assert first is not None
    assert labelled is not None
    assert changed is not None
    generations = [obj["metadata"]["generation"] for obj in (first, labelled, changed)]
    assert generations == [1, 1, 2]
    assert len({obj["metadata"]["uid"] for obj in (first, labelled, changed)}) == 1


async def test_a_namespace_takes_its_objects_with_it(kube: KubeClient, namespace: str) -> None:
    await kube.apply(config_map(namespace, a="1"))
    assert await kube.delete("v1", "Namespace", namespace)
    await kube.wait_for(
        "v1", "Namespace", namespace, None, lambda found: found is None or "it is still there",
        timeout=60, what="its end",
    )  # fmt: skip
    assert await kube.get("v1", "ConfigMap", "one", namespace) is None
    with pytest.raises(TkeError):
        await kube.apply(config_map(namespace, a="1"))


async def test_waiting_hears_of_a_change(kube: KubeClient, namespace: str) -> None:
    waiting = asyncio.create_task(
        kube.wait_for(
            "v1", "ConfigMap", "one", namespace,
            lambda found: found is not None and found["data"]["a"] == "2", timeout=30, what="a to be 2",
        )
    )  # fmt: skip
    await kube.apply(config_map(namespace, a="1"))
    await kube.apply(config_map(namespace, a="2"))
    assert (await waiting)["data"]["a"] == "2"


async def test_waiting_ends_with_the_reason(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(NotReady) as failure:
        await kube.wait_for(
            "v1", "ConfigMap", "one", namespace,
            lambda found: True if found else "nobody made it", timeout=0.5, what="it to be made",
        )  # fmt: skip
    assert "nobody made it" in str(failure.value)


async def test_selectors_choose(kube: KubeClient, namespace: str) -> None:
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db", "old": "yes"}), ("c", {})):
        obj = config_map(namespace)
        obj["metadata"] |= {"name": name, "labels": labels}
        await kube.apply(obj)

    async def chosen(**selectors: str) -> list[str]:
        found = await kube.list("v1", "ConfigMap", namespace, **selectors)
        return sorted(o["metadata"]["name"] for o in found if o["metadata"]["name"] in "abc")

    assert await chosen(label_selector="tier") == ["a", "b"]
    assert await chosen(label_selector="tier!=web") == ["b", "c"]
    assert await chosen(label_selector="tier in (web, db),!old") == ["a"]
    assert await chosen(label_selector="tier notin (web)") == ["b", "c"]
    assert await chosen(field_selector="metadata.name=b") == ["b"]
    assert await chosen(field_selector="metadata.name!=b") == ["a", "c"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/readyz", 200),
        ("/version", 200),
        ("/api", 200),
        ("/apis", 200),
        ("/apis/apps", 200),
        ("/apis/apps/v1", 200),
        ("/api/v1/namespaces/kube-system", 200),
        ("/api/v1/namespaces/no-such-namespace", 404),
        ("/apis/no.such.group/v1", 404),
    ],
)
async def test_plain_requests(kube: KubeClient, path: str, status: int) -> None:
    assert (await kube.get_raw(path))[0] == status


async def test_nodes_pods_and_workloads_of_the_cluster(kube: KubeClient, target: Target) -> None:
    nodes = await kube.list("v1", "Node")
    assert [node["metadata"]["name"] for node in nodes] == [
        str(m.ip) for m in target.installation.para.machines
    ]
    pods = {pod["metadata"]["name"] for pod in await kube.list("v1", "Pod", "kube-system")}
    first = target.installation.para.first.ip
    assert {f"{name}-{first}" for name in ("etcd", "kube-apiserver", "kube-scheduler")} <= pods
    for kind, name in (("DaemonSet", "kube-proxy"), ("Deployment", "coredns")):
        await kube.wait_rollout(kind, name, "kube-system", timeout=120)
    services = await kube.list("apiregistration.k8s.io/v1", "APIService")
    platform = [s for s in services if s["metadata"]["name"].endswith("tkestack.io")]
    assert len(platform) >= 2
    for service in platform:
        available = [c for c in service["status"]["conditions"] if c["type"] == "Available"]
        assert available[0]["status"] == "True", service["metadata"]["name"]


def _deployment(namespace: str) -> Object:
    labels = {"app": "web"}
    containers = [{"name": name, "image": f"example/{name}:1"} for name in ("one", "two")]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }

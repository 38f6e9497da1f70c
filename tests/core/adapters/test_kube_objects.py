"""Reading and writing objects, against the in-process API and a real v1.20.2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.kube_apis import KINDS_OF_API, Api, open_api
from tke_tui.core.adapters.kube import ApiNotFound, ApiUnavailable
from tke_tui.core.errors import Fatal


@pytest.fixture(params=KINDS_OF_API)
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with open_api(request.param) as opened:
        yield opened


def config_map(api: Api, name: str = "settings", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": api.namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(api: Api, image: str = "registry.example/web:1", replicas: int = 1) -> dict[str, Any]:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": api.namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


async def test_apply_says_created_then_unchanged_then_changed(api: Api) -> None:
    assert await api.client.apply(config_map(api, a="1")) == "created"
    assert await api.client.apply(config_map(api, a="1")) == "unchanged"
    assert await api.client.apply(config_map(api, a="2")) == "changed"
    found = await api.client.get("v1", "ConfigMap", "settings", api.namespace)
    assert found is not None
    assert found["data"] == {"a": "2"}


async def test_a_key_left_out_by_us_goes_and_a_key_of_somebody_else_stays(api: Api) -> None:
    ours = config_map(api, a="1", b="2")
    await api.client.apply(ours)
    await api.merge(ours, {"data": {"theirs": "3"}})
    assert await api.client.apply(config_map(api, a="1")) == "changed"
    found = await api.client.get("v1", "ConfigMap", "settings", api.namespace)
    assert found is not None
    assert found["data"] == {"a": "1", "theirs": "3"}


async def test_apply_takes_back_a_field_that_somebody_else_changed(api: Api) -> None:
    await api.client.apply(config_map(api, a="1"))
    await api.merge(config_map(api), {"data": {"a": "theirs"}})
    assert await api.client.would_change(config_map(api, a="1"))
    assert await api.client.apply(config_map(api, a="1")) == "changed"


async def test_would_change_asks_without_changing(api: Api) -> None:
    assert await api.client.would_change(config_map(api, a="1"))
    assert await api.client.get("v1", "ConfigMap", "settings", api.namespace) is None
    await api.client.apply(config_map(api, a="1"))
    assert not await api.client.would_change(config_map(api, a="1"))
    assert await api.client.would_change(config_map(api, a="2"))
    found = await api.client.get("v1", "ConfigMap", "settings", api.namespace)
    assert found is not None
    assert found["data"] == {"a": "1"}


async def test_defaults_filled_in_by_the_server_are_no_change(api: Api) -> None:
    await api.client.apply(deployment(api))
    assert not await api.client.would_change(deployment(api))


async def test_a_new_status_is_no_change(api: Api) -> None:
    await api.client.apply(deployment(api))
    await api.set_status(deployment(api), {"observedGeneration": 1, "replicas": 1})
    assert not await api.client.would_change(deployment(api))
    assert await api.client.would_change(deployment(api, image="registry.example/web:2"))


async def test_an_object_in_a_namespace_that_is_not_there_would_be_created_and_apply_says_what_is_missing(
    api: Api,
) -> None:
    elsewhere = config_map(api)
    elsewhere["metadata"]["namespace"] = "nowhere"
    assert await api.client.would_change(elsewhere)
    with pytest.raises(ApiNotFound, match="ConfigMap nowhere/settings") as failure:
        await api.client.apply(elsewhere)
    assert 'namespaces "nowhere" not found' in failure.value.detail


async def test_lists_by_label_and_field_over_one_namespace_or_all(api: Api) -> None:
    await api.client.apply(config_map(api, "one"))
    await api.client.apply(config_map(api, "two"))

    async def names(namespace: str | None, **selectors: str) -> set[str]:
        found = await api.client.list("v1", "ConfigMap", namespace, **selectors)
        assert all(o["kind"] == "ConfigMap" for o in found)
        return {o["metadata"]["name"] for o in found}

    assert {"one", "two"} <= await names(api.namespace)
    assert await names(api.namespace, label_selector="app=one") == {"one"}
    assert await names(api.namespace, label_selector="app in (two,three)") == {"two"}
    assert await names(None, label_selector="app=one", field_selector="metadata.name=two") == set()


async def test_patches_of_all_three_kinds(api: Api) -> None:
    await api.client.apply(config_map(api, a="1", b="2"))
    where = ("v1", "ConfigMap", "settings")
    await api.client.patch(*where, {"data": {"a": None, "c": "3"}}, api.namespace)
    await api.client.patch(*where, {"data": {"d": "4"}}, api.namespace, kind_of_patch="strategic")
    operation = {"op": "add", "path": "/metadata/labels/example.org~1x", "value": "y"}
    after = await api.client.patch(*where, [operation], api.namespace, kind_of_patch="json")
    assert after["data"] == {"b": "2", "c": "3", "d": "4"}
    assert after["metadata"]["labels"]["example.org/x"] == "y"
    with pytest.raises(ApiNotFound):
        await api.client.patch("v1", "ConfigMap", "absent", {}, api.namespace)


async def test_delete_says_whether_there_was_something(api: Api) -> None:
    await api.client.apply(config_map(api))
    assert await api.client.delete("v1", "ConfigMap", "settings", api.namespace)
    assert not await api.client.delete("v1", "ConfigMap", "settings", api.namespace)


async def test_names_with_a_colon_reach_their_object(api: Api) -> None:
    role: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"system:{api.namespace}"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    assert await api.client.apply(role) == "created"
    assert not await api.client.would_change(role)
    assert await api.client.delete(role["apiVersion"], "ClusterRole", f"system:{api.namespace}")


async def test_a_kind_the_server_does_not_serve_is_absent_and_cannot_be_applied_yet(api: Api) -> None:
    cluster: dict[str, Any] = {
        "apiVersion": "platform.tkestack.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "global"},
    }
    assert await api.client.get(cluster["apiVersion"], "Cluster", "global") is None
    assert await api.client.list(cluster["apiVersion"], "Cluster") == []
    assert not await api.client.delete(cluster["apiVersion"], "Cluster", "global")
    assert await api.client.would_change(cluster)
    with pytest.raises(ApiUnavailable, match="does not serve Cluster") as failure:
        await api.client.apply(cluster)
    assert failure.value.retryable


async def test_a_kind_that_appears_later_is_found_without_a_new_client() -> None:
    async with open_api("in-process") as api:
        assert api.server is not None
        cluster: dict[str, Any] = {
            "apiVersion": "platform.tkestack.io/v1",
            "kind": "Cluster",
            "metadata": {"name": "global"},
        }
        assert await api.client.get("platform.tkestack.io/v1", "Cluster", "global") is None
        api.server.kinds["platform.tkestack.io/v1"] = {"Cluster": ("clusters", False)}
        assert await api.client.apply(cluster) == "created"


async def test_an_object_the_server_refuses_is_fatal_and_names_the_field(api: Api) -> None:
    if api.server is not None:
        api.server.fail(422, method="PATCH")
    wrong = deployment(api)
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    with pytest.raises(Fatal, match="refuses: apply Deployment") as failure:
        await api.client.apply(wrong)
    assert not failure.value.retryable
    if api.server is None:
        assert "spec.template.metadata.labels" in failure.value.detail


async def test_a_namespaced_object_without_namespace_is_refused_before_it_is_sent(api: Api) -> None:
    homeless = config_map(api)
    del homeless["metadata"]["namespace"]
    with pytest.raises(Fatal, match="lacks a namespace"):
        await api.client.apply(homeless)


async def test_api_services_are_applied_although_the_aggregator_knows_no_server_side_apply(api: Api) -> None:
    name = f"v1.{api.namespace}.example.org"
    spec: dict[str, Any] = {
        "group": f"{api.namespace}.example.org",
        "version": "v1",
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": "web", "namespace": api.namespace},
    }
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name},
        "spec": spec,
    }
    assert await api.client.would_change(service)
    assert await api.client.apply(service) == "created"
    assert not await api.client.would_change(service)
    assert await api.client.apply(service) == "unchanged"
    # What was given before and is not any more goes, as with a server-side apply.
    with_ca = {k: v for k, v in spec.items() if k != "insecureSkipTLSVerify"} | {"caBundle": "Y2E="}
    assert await api.client.would_change({**service, "spec": with_ca})
    assert await api.client.apply({**service, "spec": with_ca}) == "changed"
    found = await api.client.get("apiregistration.k8s.io/v1", "APIService", name)
    assert found is not None
    assert found["spec"]["caBundle"] == "Y2E="
    assert "insecureSkipTLSVerify" not in found["spec"]
    assert await api.client.delete("apiregistration.k8s.io/v1", "APIService", name)


async def test_an_api_service_that_somebody_creates_at_the_same_moment_is_taken_over() -> None:
    async with open_api("in-process") as api:
        assert api.server is not None
        spec = {"group": "example.org", "version": "v1"}
        service = {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.example.org"},
            "spec": spec,
        }
        await api.server.put({**service, "spec": {**spec, "versionPriority": 5}})
        api.server.fail(404, method="GET", path="apiservices/")
        await api.client.apply(service)
        found = await api.client.get("apiregistration.k8s.io/v1", "APIService", "v1.example.org")
        assert found is not None
        assert found["spec"] == spec

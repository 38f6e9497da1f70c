"""What any client may rely on at the Kubernetes API: versions, watches, pages, conflicts, status, owners, kinds."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.raw import APPLY, MERGE, STRATEGIC, Api, Object, config_map, config_maps, names
from tests.conformance.targets import Target
from tke_tui.core.adapters.kube import KubeClient


@pytest_asyncio.fixture(loop_scope="package")
async def api(target: Target) -> AsyncIterator[Api]:
    found = Api.of(target)
    yield found
    await found.close()


@pytest_asyncio.fixture(loop_scope="package")
async def namespace(api: Api) -> AsyncIterator[str]:
    name = f"conformance-{secrets.token_hex(4)}"
    await api.good("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    await api.ask("DELETE", f"/api/v1/namespaces/{name}")


# --- who may come in ---


async def test_a_wrong_token_is_401(target: Target) -> None:
    stranger = Api.of(target, token="wrong")
    answer = await stranger.ask("GET", "/api/v1/nodes")
    await stranger.close()
    assert (answer.status, answer.json()["reason"]) == (401, "Unauthorized")


async def test_every_control_plane_and_the_virtual_address_answer(target: Target) -> None:
    para = target.installation.para
    assert para.vip
    for host in (*(str(machine.ip) for machine in para.machines), para.vip):
        api = Api.of(target, host=host)
        assert len((await api.good("GET", "/api/v1/nodes"))["items"]) == len(para.machines)
        await api.close()


# --- versions and conflicts ---


async def test_what_is_there_is_not_created_twice(api: Api, namespace: str) -> None:
    await api.good("POST", config_maps(namespace), config_map("one"))
    answer = await api.ask("POST", config_maps(namespace), config_map("one"))
    assert (answer.status, answer.json()["reason"]) == (409, "AlreadyExists")


async def test_what_is_not_there_is_404(api: Api, namespace: str) -> None:
    path = f"{config_maps(namespace)}/none"
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"data": {}})):
        answer = await api.ask(method, path, body, kind=MERGE)
        assert (answer.status, answer.json()["reason"]) == (404, "NotFound"), method


async def test_a_stale_version_is_refused(api: Api, namespace: str) -> None:
    old = await api.good("POST", config_maps(namespace), config_map("one", a="1"))
    new = await api.good("PUT", f"{config_maps(namespace)}/one", {**old, "data": {"a": "2"}})
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
    answer = await api.ask("PUT", f"{config_maps(namespace)}/one", {**old, "data": {"a": "3"}})
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    same = await api.good("PUT", f"{config_maps(namespace)}/one", new)
    assert same["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"], "nothing changed"


async def test_a_name_is_generated(api: Api, namespace: str) -> None:
    made = await api.good("POST", config_maps(namespace), {"metadata": {"generateName": "made-"}})
    assert made["metadata"]["name"].startswith("made-")
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"]


async def test_a_dry_run_keeps_nothing(api: Api, namespace: str) -> None:
    made = await api.good("POST", config_maps(namespace), config_map("one"), dryRun="All")
    assert made["metadata"]["name"] == "one"
    assert (await api.ask("GET", f"{config_maps(namespace)}/one")).status == 404


# --- watches ---


async def test_a_watch_tells_what_happens_after_a_list(api: Api, namespace: str) -> None:
    await api.good("POST", config_maps(namespace), config_map("before"))
    listed = await api.good("GET", config_maps(namespace))
    watching = asyncio.create_task(
        api.watch(
            config_maps(namespace), events=3, resourceVersion=listed["metadata"]["resourceVersion"],
            fieldSelector="metadata.name=one",
        )
    )  # fmt: skip
    await api.good("POST", config_maps(namespace), config_map("one", a="1"))
    await api.good("PATCH", f"{config_maps(namespace)}/one", {"data": {"a": "2"}}, kind=MERGE)
    await api.good("DELETE", f"{config_maps(namespace)}/one")
    events = await watching
    assert [(kind, obj["data"]["a"]) for kind, obj in events] == [
        ("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2"),
    ]  # fmt: skip
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in events]
    assert versions == sorted(set(versions))


async def test_a_watch_without_a_version_begins_with_what_is_there(api: Api, namespace: str) -> None:
    await api.good("POST", config_maps(namespace), config_map("one"))
    events = await api.watch(config_maps(namespace), events=1, fieldSelector="metadata.name=one")
    assert [(kind, obj["metadata"]["name"]) for kind, obj in events] == [("ADDED", "one")]


async def test_a_watch_by_label_tells_what_leaves_the_selection(api: Api, namespace: str) -> None:
    made = config_map("one")
    made["metadata"]["labels"] = {"chosen": "yes"}
    listed = await api.good("POST", config_maps(namespace), made)
    watching = asyncio.create_task(
        api.watch(
            config_maps(namespace), events=2, resourceVersion=listed["metadata"]["resourceVersion"],
            labelSelector="chosen=yes",
        )
    )  # fmt: skip
    for label in ("no", "yes"):
        patch = {"metadata": {"labels": {"chosen": label}}}
        await api.good("PATCH", f"{config_maps(namespace)}/one", patch, kind=MERGE)
    assert [kind for kind, _ in await watching] == ["DELETED", "ADDED"]


def event(name: str, namespace: str) -> Object:
    about = {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "namespace": namespace}
    return {
        "metadata": {"name": name},
        "involvedObject": about,
        "reason": "Told",
        "message": name,
        "type": "Normal",
    }


async def test_what_is_forgotten_is_410(target: Target, api: Api, namespace: str) -> None:
    """Of events, which the real server does not keep in a cache of its own."""
    events = f"/api/v1/namespaces/{namespace}/events"
    for name in ("one", "two"):
        await api.good("POST", events, event(name, namespace))
    page = await api.good("GET", events, limit="1")
    await api.good("POST", events, event("three", namespace))
    await target.forget()
    told: list[tuple[str, Object]] = [("ADDED", {})]
    async with asyncio.timeout(10):
        # The etcd members forget one after the other, and any API server may be the one that answers.
        while told[0][0] != "ERROR":
            told = await api.watch(events, events=1, resourceVersion=page["metadata"]["resourceVersion"])
    assert [(kind, obj["code"], obj["reason"]) for kind, obj in told] == [("ERROR", 410, "Expired")]
    answer = await api.ask("GET", events, limit="1", **{"continue": page["metadata"]["continue"]})
    assert (answer.status, answer.json()["reason"]) == (410, "Expired")


# --- pages ---


async def test_a_list_in_pages(api: Api, namespace: str) -> None:
    for number in range(5):
        made = config_map(f"page-{number}")
        made["metadata"]["labels"] = {"pages": "yes"}
        await api.good("POST", config_maps(namespace), made)
    first = await api.good("GET", config_maps(namespace), limit="3")
    assert len(first["items"]) == 3
    assert first["metadata"]["remainingItemCount"] >= 2
    await api.good("POST", config_maps(namespace), config_map("zz-later"))
    found, version = names(first["items"]), first["metadata"]["resourceVersion"]
    page = first
    while page["metadata"].get("continue"):
        page = await api.good(
            "GET", config_maps(namespace), limit="3", **{"continue": page["metadata"]["continue"]}
        )
        found += names(page["items"])
        assert page["metadata"]["resourceVersion"] == version, "all pages show the same moment"
    assert len(found) == len(set(found)) >= 5
    assert "zz-later" not in found
    assert {f"page-{number}" for number in range(5)} <= set(found)


async def test_a_wrong_continue_is_400(api: Api, namespace: str) -> None:
    answer = await api.ask("GET", config_maps(namespace), limit="1", **{"continue": "nonsense"})
    assert answer.status == 400


# --- server-side apply ---


async def test_appliers_do_not_overwrite_each_other(api: Api, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    await api.good("PATCH", path, config_map("one", a="1"), kind=APPLY, fieldManager="first")
    await api.good("PATCH", path, config_map("one", b="1"), kind=APPLY, fieldManager="second")
    answer = await api.ask("PATCH", path, config_map("one", a="2"), kind=APPLY, fieldManager="second")
    assert (answer.status, answer.json()["reason"]) == (409, "Conflict")
    causes = answer.json()["details"]["causes"]
    assert [(cause["reason"], cause["field"]) for cause in causes] == [("FieldManagerConflict", ".data.a")]
    assert (await api.good("GET", path))["data"] == {"a": "1", "b": "1"}
    taken = await api.good(
        "PATCH", path, config_map("one", a="2"), kind=APPLY, fieldManager="second", force="true"
    )
    assert taken["data"] == {"a": "2"}, "b was its own and is no longer applied"


async def test_what_two_apply_alike_stays_until_both_leave_it_out(api: Api, namespace: str) -> None:
    path = f"{config_maps(namespace)}/one"
    for manager in ("first", "second"):
        await api.good("PATCH", path, config_map("one", a="1"), kind=APPLY, fieldManager=manager)
    left = await api.good("PATCH", path, config_map("one"), kind=APPLY, fieldManager="first")
    assert left["data"] == {"a": "1"}
    left = await api.good("PATCH", path, config_map("one"), kind=APPLY, fieldManager="second")
    assert "data" not in left or left["data"] in ({}, None)


# --- status and scale ---


def service() -> Object:
    return {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}


async def test_status_and_spec_are_written_apart(api: Api, namespace: str) -> None:
    services = f"/api/v1/namespaces/{namespace}/services"
    made = await api.good("POST", services, service())
    assert made["spec"]["clusterIP"]
    ingress = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    patch = {"spec": {"ports": [{"port": 81}]}, "status": ingress}
    plain = await api.good("PATCH", f"{services}/web", patch, kind=MERGE)
    assert (plain["spec"]["ports"][0]["port"], plain["status"]) == (81, {"loadBalancer": {}})
    patch = {"spec": {"ports": [{"port": 82}]}, "status": ingress}
    status = await api.good("PATCH", f"{services}/web/status", patch, kind=MERGE)
    assert (status["spec"]["ports"][0]["port"], status["status"]) == (81, ingress)
    put = await api.good("PUT", f"{services}/web", {**status, "status": {"loadBalancer": {}}})
    assert put["status"] == ingress


async def test_a_node_keeps_its_status_when_it_is_labelled(api: Api) -> None:
    node = (await api.good("GET", "/api/v1/nodes"))["items"][0]
    name = node["metadata"]["name"]
    labelled = await api.good(
        "PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {"conformance": "yes"}}}, kind=STRATEGIC
    )
    ready = [c for c in labelled["status"]["conditions"] if c["type"] == "Ready"]
    assert ready[0]["status"] == "True"
    chosen = await api.good("GET", "/api/v1/nodes", labelSelector="conformance=yes")
    assert names(chosen["items"]) == [name]
    await api.good(
        "PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {"conformance": None}}}, kind=MERGE
    )


def workload(kind: str, target: Target) -> Object:
    """One that runs the cluster's own pause image, on masters too."""
    labels = {"app": "conformance"}
    image = f"{target.installation.para.registry_prefix}/pause:3.2"
    pod = {
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "pause", "image": image}],
    }
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = "conformance"
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "conformance"}, "spec": spec}


@pytest.mark.parametrize(("kind", "pods"), [("Deployment", 1), ("DaemonSet", 2), ("StatefulSet", 1)])
async def test_a_workload_rolls_out(target: Target, api: Api, namespace: str, kind: str, pods: int) -> None:
    kube: KubeClient = await target.services.kube()
    obj = workload(kind, target)
    obj["metadata"]["namespace"] = namespace
    await kube.apply(obj)
    await kube.wait_rollout(kind, "conformance", namespace, timeout=120)
    found = await api.good("GET", f"/api/v1/namespaces/{namespace}/pods", labelSelector="app=conformance")
    running = [pod for pod in found["items"] if pod["status"]["phase"] == "Running"]
    assert len(running) == pods
    assert all(pod["spec"]["nodeName"] for pod in running)
    gone = await api.good("DELETE", f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s/conformance")
    assert gone["kind"] in ("Status", kind)


async def test_a_deployment_is_scaled_by_its_subresource(target: Target, api: Api, namespace: str) -> None:
    kube: KubeClient = await target.services.kube()
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.good("POST", deployments, workload("Deployment", target))
    await kube.wait_rollout("Deployment", "conformance", namespace, timeout=120)
    scale = await api.good("GET", f"{deployments}/conformance/scale")
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 1)
    # Without a version: the controller may write meanwhile.
    scale["metadata"].pop("resourceVersion")
    await api.good("PUT", f"{deployments}/conformance/scale", {**scale, "spec": {"replicas": 2}})
    await kube.wait_rollout("Deployment", "conformance", namespace, timeout=120)
    found = await api.good("GET", f"{deployments}/conformance")
    assert (found["spec"]["replicas"], found["status"]["readyReplicas"]) == (2, 2)
    assert found["metadata"]["generation"] == found["status"]["observedGeneration"] == 2


# --- owners and kinds of one's own ---


async def test_what_an_object_owns_goes_with_it(target: Target, api: Api, namespace: str) -> None:
    kube: KubeClient = await target.services.kube()
    owner = await api.good("POST", config_maps(namespace), config_map("owner"))
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    ]
    await api.good("POST", config_maps(namespace), owned)
    await api.good("DELETE", f"{config_maps(namespace)}/owner", propagationPolicy="Background")
    await kube.wait_for(
        "v1", "ConfigMap", "owned", namespace, lambda found: found is None, timeout=60, what="its end"
    )


async def test_a_collection_is_deleted_by_a_selector(api: Api, namespace: str) -> None:
    for name, label in (("a", "yes"), ("b", "yes"), ("c", "no")):
        made = config_map(name)
        made["metadata"]["labels"] = {"gone": label}
        await api.good("POST", config_maps(namespace), made)
    await api.good("DELETE", config_maps(namespace), labelSelector="gone=yes")
    left = await api.good("GET", config_maps(namespace), labelSelector="gone")
    assert names(left["items"]) == ["c"]


async def test_a_kind_of_ones_own(target: Target, api: Api) -> None:
    kube: KubeClient = await target.services.kube()
    group = f"g{secrets.token_hex(4)}.example.com"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [version],
        },
    }
    await api.good("POST", definitions, definition)
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": {"a": 1}}
    found = await kube.wait_for(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}", None,
        established, timeout=30, what="it to be served",
    )  # fmt: skip
    assert found["status"]["acceptedNames"]["kind"] == "Thing"
    assert await kube.apply(thing) == "created"
    assert await kube.apply(thing) == "unchanged"
    read = await kube.get(f"{group}/v1", "Thing", "one")
    assert read is not None
    assert read["spec"] == {"a": 1}
    await api.good("DELETE", f"{definitions}/things.{group}")
    await kube.wait_for(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}", None,
        lambda found: found is None, timeout=60, what="its end",
    )  # fmt: skip


def established(definition: Object | None) -> bool | str:
    conditions = ((definition or {}).get("status") or {}).get("conditions") or []
    good = any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
    return good or "it is not established"

"""What the Kubernetes API refuses, fills in and answers, from the lab's server as from a real one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.raw import APPLY, MERGE, STRATEGIC, Api, Object, config_map, config_maps, names
from tests.contract.kube_apis import KINDS_OF_API, open_api
from tke_tui.core.adapters.kube_transport import Answer

JSON_PATCH = "application/json-patch+json"


class Place(Api):
    """An API with a namespace to work in; paths are below it when they do not begin with a slash."""

    namespace = ""

    def path(self, path: str) -> str:
        return path if path.startswith("/") else f"/api/v1/namespaces/{self.namespace}/{path}"

    async def ask(self, method: str, path: str, *args: Any, **options: Any) -> Answer:
        return await super().ask(method, self.path(path), *args, **options)


@pytest.fixture(params=KINDS_OF_API)
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with open_api(request.param) as opened:
        place = Place(opened.url, opened.ca_pem, opened.server.token if opened.server else "real-token")
        place.namespace = opened.namespace
        yield place
        await place.close()


def pod_template(*containers: str) -> Object:
    listed = [{"name": name, "image": "image"} for name in containers]
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": listed}}


def deployment() -> Object:
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": pod_template("one")}
    return {"metadata": {"name": "web"}, "spec": spec}


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "no_name": ("POST", "configmaps", {"metadata": {}}, 422, "name or generateName is required"),
    "bad_name": ("POST", "configmaps", config_map("Bad_Name"), 422, "a lowercase RFC 1123 subdomain must consist"),
    "bad_namespace_name": ("POST", "/api/v1/namespaces", {"metadata": {"name": "a.b"}}, 422, "RFC 1123 label"),
    "bad_service_name": (
        "POST", "services", {"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 80}]}}, 422, "a DNS-1035 label",
    ),
    "another_kind": (
        "POST", "configmaps", {**config_map("new"), "kind": "Secret"}, 400,
        'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap)',
    ),
    "no_such_kind": (
        "POST", "configmaps", {**config_map("new"), "kind": "Nothing"}, 400, 'no kind "Nothing" is registered',
    ),
    "another_namespace": (
        "POST", "configmaps", {"metadata": {"name": "new", "namespace": "default"}}, 400,
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    "put_under_another_name": (
        "PUT", "configmaps/one", config_map("two"), 400,
        "the name of the object (two) does not match the name on the URL (one)",
    ),
    "put_without_a_name": ("PUT", "configmaps/one", {"data": {}}, 400, "name must be provided"),
    "created_everywhere": ("POST", "/api/v1/configmaps", config_map("new"), 405, "does not allow this method"),
    "created_at_a_name": ("POST", "configmaps/new", config_map("new"), 405, "does not allow this method"),
    "put_on_a_list": ("PUT", "configmaps", config_map("new"), 405, "does not allow this method"),
    "deleted_everywhere": ("DELETE", "/api/v1/configmaps", None, 405, "does not allow this method"),
    "no_such_subresource": ("GET", "configmaps/one/nothing", None, 404, "could not find the requested resource"),
    "log_of_no_pod": ("GET", "configmaps/one/log", None, 404, "could not find the requested resource"),
    "bad_limit": ("GET", "configmaps?limit=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    "bad_selector": ("GET", "configmaps?labelSelector=a in (", None, 400, "unable to parse requirement"),
    "bad_selector_of_a_watch": ("GET", "configmaps?watch=1&labelSelector=a b", None, 400, "unable to parse"),
    "field_that_is_not_selected": (
        "GET", "configmaps?fieldSelector=data.a=b", None, 400,
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ),
    "field_of_pods_that_is_not_selected": (
        "GET", "pods?fieldSelector=spec.image=b", None, 400, "field label not supported: spec.image",
    ),
    "field_without_value": (
        "GET", "pods?fieldSelector=foo", None, 400, "invalid selector: 'foo'; can't understand 'foo'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "code", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused(api: Place, method: str, path: str, body: Any, code: int, said: str) -> None:
    await api.good("POST", "configmaps", config_map("one"))
    path, _, query = path.partition("?")
    answer = await api.ask(
        method, path, body, **dict(each.split("=", 1) for each in query.split("&") if query)
    )
    assert answer.status == code
    assert said in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({"metadata": {"name": "two"}}, MERGE, 400),
        ({"metadata": {"namespace": "other"}}, MERGE, 400),
        (config_map("two"), APPLY, 400),
        ([{"op": "test", "path": "/data/a", "value": "other"}], JSON_PATCH, 422),
        ([{"op": "remove", "path": "/data/none"}], JSON_PATCH, 422),
    ],
    ids=["name", "namespace", "applied_name", "failed_test", "nothing_to_remove"],
)
async def test_patches_that_are_refused(api: Place, body: Any, kind: str, code: int) -> None:
    made = await api.good("POST", "configmaps", config_map("one", a="1"))
    options = {"fieldManager": "test"} if kind == APPLY else {}
    answer = await api.ask("PATCH", "configmaps/one", body, kind=kind, **options)
    assert answer.status == code
    assert await api.good("GET", "configmaps/one") == made


async def test_a_replaced_object_stays_in_its_namespace(api: Place) -> None:
    await api.good("POST", "configmaps", config_map("one"))
    put = await api.good("PUT", "configmaps/one", {"metadata": {"name": "one"}, "data": {"a": "1"}})
    assert (put["kind"], put["apiVersion"], put["metadata"]["namespace"]) == (
        "ConfigMap",
        "v1",
        api.namespace,
    )
    listed = await api.good("GET", "configmaps", fieldSelector="metadata.name=one")
    assert names(listed["items"]) == ["one"]


async def test_a_secret_is_given_in_plain_text(api: Place) -> None:
    body = {"metadata": {"name": "one"}, "data": {"a": "b2xk", "b": "b2xk"}, "stringData": {"a": "new"}}
    made = await api.good("POST", "secrets", body)
    assert made["data"] == {"a": base64.b64encode(b"new").decode(), "b": "b2xk"}
    assert made["type"] == "Opaque"
    assert "stringData" not in made


async def test_a_namespace_and_a_service_are_filled_in(api: Place) -> None:
    found = await api.good("GET", f"/api/v1/namespaces/{api.namespace}")
    assert (found["spec"]["finalizers"], found["status"]["phase"]) == (["kubernetes"], "Active")
    made = await api.good(
        "POST", "services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    )
    spec = made["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["type"], spec["sessionAffinity"], made["status"]) == (
        "ClusterIP",
        "None",
        {"loadBalancer": {}},
    )
    body = {"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    headless = await api.good("POST", "services", body)
    assert (headless["spec"]["clusterIPs"], headless["status"]) == (["None"], {"loadBalancer": {}})


async def test_a_service_does_not_lose_its_address(api: Place) -> None:
    body: Object = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    made = await api.good("POST", "services", body)
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    answer = await api.ask("PUT", "services/web", body)
    assert answer.status == 422
    assert (
        "spec.clusterIPs[0]: Invalid value: []string(nil): primary clusterIP can not be unset" in answer.text
    )
    body["spec"]["clusterIP"] = made["spec"]["clusterIP"]
    assert (await api.good("PUT", "services/web", body))["spec"] == made["spec"]


async def test_only_some_kinds_count_their_generations(api: Place) -> None:
    service = await api.good(
        "POST", "services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    )
    assert "generation" not in service["metadata"]
    deployments = f"/apis/apps/v1/namespaces/{api.namespace}/deployments"
    made = await api.good("POST", deployments, deployment())
    assert made["metadata"]["generation"] == 1


async def test_what_a_deletion_answers(api: Place) -> None:
    made = await api.good("POST", "configmaps", config_map("one"))
    done = await api.good("DELETE", "configmaps/one")
    assert (done["kind"], done["status"]) == ("Status", "Success")
    assert done["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    await api.good("POST", "serviceaccounts", {"metadata": {"name": "one"}})
    assert (await api.good("DELETE", "serviceaccounts/one"))["kind"] == "ServiceAccount"
    for name in ("a", "b"):
        await api.good("POST", "configmaps", config_map(name))
    several = await api.good(
        "DELETE", config_maps(api.namespace), fieldSelector="metadata.name!=kube-root-ca.crt"
    )
    assert (several["kind"], names(several["items"])) == ("ConfigMapList", ["a", "b"])


async def test_a_scale_tells_of_the_pods(api: Place) -> None:
    deployments = f"/apis/apps/v1/namespaces/{api.namespace}/deployments"
    await api.good("POST", deployments, deployment())
    assert (await api.good("GET", f"{deployments}/web/scale"))["status"] == {
        "replicas": 0,
        "selector": "app=web",
    }


@pytest.mark.parametrize(
    ("patched", "order", "result"),
    [
        (["new"], None, ["new", "one", "two", "three"]),
        (["two"], None, ["one", "two", "three"]),
        (["new"], ["one", "new", "two", "three"], ["one", "new", "two", "three"]),
        (["new"], ["three", "new", "one"], ["two", "three", "new", "one"]),
        ([], ["three", "two", "one"], ["three", "two", "one"]),
    ],
)
async def test_the_order_after_a_strategic_patch(
    api: Place, patched: list[str], order: list[str] | None, result: list[str]
) -> None:
    deployments = f"/apis/apps/v1/namespaces/{api.namespace}/deployments"
    body = deployment()
    body["spec"]["template"] = pod_template("one", "two", "three")
    await api.good("POST", deployments, body)
    spec: Object = {"containers": [{"name": name, "image": "other"} for name in patched]}
    if order is not None:
        spec["$setElementOrder/containers"] = [{"name": name} for name in order]
    patch = {"spec": {"template": {"spec": spec}}}
    after = await api.good("PATCH", f"{deployments}/web", patch, kind=STRATEGIC)
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == result


async def test_what_one_may(api: Place) -> None:
    group = "/apis/authorization.k8s.io/v1"
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    one = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    assert (await api.good("POST", f"{group}/selfsubjectaccessreviews", one))["status"]["allowed"] is True
    all_ = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": api.namespace},
    }  # fmt: skip
    rules = (await api.good("POST", f"{group}/selfsubjectrulesreviews", all_))["status"]["resourceRules"]
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in rules


async def test_the_version_is_that_of_1_20_2(api: Place) -> None:
    version = await api.good("GET", "/version")
    assert (version["gitVersion"], version["gitTreeState"], version["compiler"]) == ("v1.20.2", "clean", "gc")
    assert version["gitCommit"] == "faecb196815e248d3ecfb03c680a4507229c2a56"

"""The lab's Kubernetes API beside a real one: the same objects given to both come back alike, and look alike."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conformance.raw import Api, Object
from tests.contract.kube_apis import KINDS_OF_API, open_api
from tke_tui.lab.kube.columns import COLUMNS
from tke_tui.lab.kube.kinds import KINDS
from tke_tui.lab.kube.tables import table

AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_NOW = re.compile(r"^\d+s$|^\d{4}-\d\d-\d\dT[\d:]+Z$")
APPS, RBAC = "/apis/apps/v1", "/apis/rbac.authorization.k8s.io/v1"


class Side(Api):
    """One of the two servers, with a namespace of its own."""

    def __init__(self, url: str, ca_pem: str, token: str, namespace: str) -> None:
        super().__init__(url, ca_pem, token)
        self.url, self.token, self.namespace = url, token, namespace

    def path(self, base: str, plural: str) -> str:
        return f"{base}/namespaces/{self.namespace}/{plural}"

    async def table(self, path: str, **query: str) -> Object:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": AS_TABLE}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{self.url}{path}", ssl=False, params=query) as response,
        ):
            return dict(await response.json())


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    """(the lab's, the real one); skips the test where there is no real one."""
    lab, real = KINDS_OF_API
    async with open_api(real) as theirs, open_api(lab) as ours:
        assert ours.server is not None
        found = (
            Side(ours.url, ours.ca_pem, ours.server.token, ours.namespace),
            Side(theirs.url, theirs.ca_pem, "real-token", theirs.namespace),
        )
        yield found
        for side in found:
            await side.close()


def pod_spec(**more: Any) -> Object:
    return {"containers": [{"name": "one", "image": "image"}], **more}


RICH = pod_spec(
    containers=[
        {
            "name": "one", "image": "registry:5000/image:v1", "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 3},
            "readinessProbe": {"tcpSocket": {"port": 80}}, "startupProbe": {"exec": {"command": ["true"]}},
            "env": [
                {"name": "plain", "value": "1"},
                {"name": "ip", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
        },
        {"name": "two", "image": "registry:5000/image", "resources": {"requests": {"cpu": "1"}}},
        {"name": "three", "image": "image:latest", "imagePullPolicy": "Never"},
        {"name": "four", "image": f"image@sha256:{64 * '0'}"},
    ],
    initContainers=[{"name": "first", "image": "image:v1"}],
    hostNetwork=True,
    serviceAccountName="robot",
    volumes=[
        {"name": "a", "configMap": {"name": "a"}}, {"name": "b", "secret": {"secretName": "b"}},
        {"name": "c", "hostPath": {"path": "/c"}}, {"name": "d", "emptyDir": {}},
        {"name": "e", "hostPath": {"path": "/e", "type": "Directory"}},
    ],
)  # fmt: skip
LABELS = {"app": "web"}


def workload(pod: Object, **more: Any) -> Object:
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    return {
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": template, **more},
    }


def service(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"ports": [{"name": "a", "port": 80}], **spec}}


MADE: dict[str, tuple[str, str, Object]] = {
    "deployment": (APPS, "deployments", workload(pod_spec())),
    "rich_deployment": (APPS, "deployments", workload(RICH, replicas=2)),
    "recreated_deployment": (APPS, "deployments", workload(pod_spec(), strategy={"type": "Recreate"})),
    "deployment_with_a_bound": (
        APPS, "deployments",
        workload(pod_spec(), strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
    ),
    "daemon_set": (APPS, "daemonsets", workload(RICH)),
    "daemon_set_by_hand": (APPS, "daemonsets", workload(pod_spec(), updateStrategy={"type": "OnDelete"})),
    "stateful_set": (APPS, "statefulsets", workload(pod_spec(), serviceName="web")),
    "replica_set": (APPS, "replicasets", workload(pod_spec(), replicas=0)),
    "service": ("/api/v1", "services", service("web", selector=LABELS)),
    "node_port": ("/api/v1", "services", service("web", type="NodePort")),
    "load_balancer": ("/api/v1", "services", service("web", type="LoadBalancer", externalTrafficPolicy="Local")),
    "headless": ("/api/v1", "services", service("web", clusterIP="None")),
    "external_name": ("/api/v1", "services", service("web", type="ExternalName", externalName="example.com")),
}  # fmt: skip
CHOSEN = frozenset({"clusterIP", "clusterIPs", "healthCheckNodePort", "nodePort"})
"""What each server chooses for itself."""


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        given = {name: each for name, each in value.items() if each is not None}
        return {name: name if name in CHOSEN else comparable(each) for name, each in given.items()}
    return [comparable(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("base", "plural", "obj"), MADE.values(), ids=MADE)
async def test_defaults(sides: tuple[Side, Side], base: str, plural: str, obj: Object) -> None:
    specs = []
    for side in sides:
        made = await side.good("POST", side.path(base, plural), obj)
        specs.append(comparable(made["spec"]))
        await side.good("DELETE", f"{side.path(base, plural)}/web")
    lab, real = specs
    if "healthCheckNodePort" in real:
        real.pop("healthCheckNodePort")
    assert lab == real


@pytest.mark.parametrize(
    "kind", [(version, kind) for version, kinds in KINDS.items() for kind in kinds], ids=".".join
)
async def test_columns(real_columns: dict[tuple[str, str], list[Object]], kind: tuple[str, str]) -> None:
    told = table(kind[1], [], "1")["columnDefinitions"]
    assert [{**column, "description": ""} for column in real_columns[kind]] == told
    assert kind[1] in COLUMNS or [column["name"] for column in told] == ["Name", "Age"]


@pytest.fixture(scope="module")
async def real_columns() -> dict[tuple[str, str], list[Object]]:
    found = {}
    async with open_api(KINDS_OF_API[1]) as opened:
        side = Side(opened.url, opened.ca_pem, "real-token", opened.namespace)
        for version, kinds in KINDS.items():
            for kind, (plural, _) in kinds.items():
                shown = await side.table(f"{'/apis' if '/' in version else '/api'}/{version}/{plural}")
                found[version, kind] = shown["columnDefinitions"]
        await side.close()
    return found


MINUTE, HOUR, DAY = 60, 3600, 86400
AGES = (
    -HOUR, 12 * MINUTE, 5 * HOUR + 30, 7 * HOUR + 90, 30 * HOUR, 3 * DAY + 90, 5 * DAY + 5 * HOUR, 500 * DAY,
    1000 * DAY, 9 * 365 * DAY,
)  # fmt: skip


def ago(seconds: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


ABOUT = {"kind": "Pod", "name": "web-0", "fieldPath": "spec.containers{one}"}
SHOWN: dict[str, tuple[str, str, list[Object]]] = {
    "config_map": ("/api/v1", "configmaps", [{"data": {"a": "1"}, "binaryData": {"b": "MQ=="}}]),
    "secret": ("/api/v1", "secrets", [{"type": "custom", "data": {"a": "MQ=="}}]),
    "service_account": ("/api/v1", "serviceaccounts", [{"secrets": [{"name": "a"}]}, {}]),
    "service": (
        "/api/v1", "services",
        [
            service("", type="ExternalName", externalName="example.com"),
            service("", clusterIP="None", selector=LABELS | {"tier": "one"}),
            service("", clusterIP="None", externalIPs=["192.0.2.1", "192.0.2.2"]),
        ],
    ),
    "endpoints": (
        "/api/v1", "endpoints",
        [
            {},
            {"subsets": [{"addresses": [{"ip": f"192.0.2.{n}"} for n in range(1, 6)], "ports": [{"port": 80}]}]},
            {"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]},
        ],
    ),
    "limits": ("/api/v1", "limitranges", [{"spec": {"limits": []}}]),
    "pod": ("/api/v1", "pods", [{"spec": pod_spec()}]),
    "pod_template": ("/api/v1", "podtemplates", [{"template": {"metadata": {"labels": LABELS}, "spec": pod_spec()}}]),
    "claim": (
        "/api/v1", "persistentvolumeclaims",
        [{"spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}},
        }}],
    ),
    "controller": (
        "/api/v1", "replicationcontrollers",
        [{"spec": {"selector": LABELS, "template": {"metadata": {"labels": LABELS}, "spec": pod_spec()}}}],
    ),
    "event": (
        "/api/v1", "events",
        [{
            "involvedObject": ABOUT, "type": "Warning", "reason": "Failed", "message": " some text\n", "count": 3,
            "source": {"component": "kubelet", "host": "node"},
            "firstTimestamp": ago(age), "lastTimestamp": ago(age + 3600),
        } for age in AGES],
    ),
    "deployment": (APPS, "deployments", [workload(pod_spec(), replicas=2)]),
    "daemon_set": (APPS, "daemonsets", [workload(pod_spec(nodeSelector={"a": "b"}))]),
    "stateful_set": (APPS, "statefulsets", [workload(pod_spec(), serviceName="web")]),
    "replica_set": (APPS, "replicasets", [workload(pod_spec(), replicas=3)]),
    "revision": (APPS, "controllerrevisions", [{"revision": 2, "data": {"a": "b"}}]),
    "job": (
        "/apis/batch/v1", "jobs",
        [{"spec": {
            "manualSelector": True, "selector": {"matchLabels": LABELS}, "completions": 3,
            "template": {"metadata": {"labels": LABELS}, "spec": pod_spec(restartPolicy="Never")},
        }}],
    ),
    "cron_job": (
        "/apis/batch/v1beta1", "cronjobs",
        [
            {"spec": {
                "schedule": "* * * * *", "suspend": suspend,
                "jobTemplate": {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}},
            }}
            for suspend in (None, True)
        ],
    ),
    "autoscaler": (
        "/apis/autoscaling/v1", "horizontalpodautoscalers",
        [{"spec": {
            "minReplicas": 2, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
            "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        }}],
    ),
    "role": (RBAC, "roles", [{"rules": []}]),
    "binding": (
        RBAC, "rolebindings",
        [{
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "a"},
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "b"},
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "c"},
                {"kind": "ServiceAccount", "name": "robot", "namespace": "default"},
            ],
        }],
    ),
    "lease": ("/apis/coordination.k8s.io/v1", "leases", [{"spec": {"holderIdentity": "node"}}]),
    "endpoint_slice": (
        "/apis/discovery.k8s.io/v1beta1", "endpointslices",
        [
            {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"name": "", "port": 80}]},
            {"addressType": "IPv4", "endpoints": []},
        ],
    ),
    "ingress": (
        "/apis/networking.k8s.io/v1", "ingresses",
        [
            {"spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}},
            {"spec": {
                "ingressClassName": "fast", "tls": [{"hosts": ["example.com"]}],
                "rules": [{"host": "example.com"}, {"host": "example.org"}],
            }},
        ],
    ),
    "network_policy": (
        "/apis/networking.k8s.io/v1", "networkpolicies",
        [{"spec": {"podSelector": {}}}, {"spec": {"podSelector": {"matchLabels": LABELS}}}],
    ),
    "disruption_budget": (
        "/apis/policy/v1beta1", "poddisruptionbudgets",
        [{"spec": {"minAvailable": "50%", "selector": {}}}, {"spec": {"maxUnavailable": 1, "selector": {}}}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("base", "plural", "objects"), SHOWN.values(), ids=SHOWN)
async def test_rows(sides: tuple[Side, Side], base: str, plural: str, objects: list[Object]) -> None:
    tables = []
    for side in sides:
        path = side.path(base, plural)
        for number, obj in enumerate(objects):
            about = {"involvedObject": {**ABOUT, "namespace": side.namespace}} if plural == "events" else {}
            await side.good("POST", path, {**obj, **about, "metadata": {"name": f"web-{number}"}})
        rows = [await side.table(f"{path}/web-{number}") for number in range(len(objects))]
        tables.append([[_NOW.sub("NOW", str(cell)) for cell in shown["rows"][0]["cells"]] for shown in rows])
        for number in range(len(objects)):
            await side.ask("DELETE", f"{path}/web-{number}", gracePeriodSeconds="0")
    lab, real = tables
    assert lab == real

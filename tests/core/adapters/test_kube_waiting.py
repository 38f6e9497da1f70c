"""Waiting for objects and rollouts: list then watch, lost watches, early failure, and what the error tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.kube_apis import KINDS_OF_API, Api, open_api
from tke_tui.core.adapters import kube_watch
from tke_tui.core.errors import Fatal, NotReady
from tke_tui.lab.kube.server import KubeServer
from tke_tui.lab.kube.workloads import ready_status

Object = dict[str, Any]


@pytest.fixture(params=KINDS_OF_API)
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with open_api(request.param) as opened:
        yield opened


@pytest.fixture
async def local() -> AsyncIterator[Api]:
    """The in-process API, which makes trouble on demand."""
    async with open_api("in-process") as opened:
        yield opened


def config_map(api: Api, **data: str) -> Object:
    metadata = {"name": "settings", "namespace": api.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def workload(api: Api, kind: str = "Deployment", replicas: int = 1, image: str = "web:1") -> Object:
    labels = {"app": "web"}
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": image}]},
        },
    }
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = "web"
    metadata = {"name": "web", "namespace": api.namespace}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


async def make_pod(api: Api, status: Object, name: str = "web-1", **metadata: Any) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": api.namespace, "labels": {"app": "web"}, **metadata},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    if api.server is not None:
        await api.server.put({**pod, "status": status})
    else:
        await api.client.apply(pod)
        await api.set_status(pod, status)


async def make_event(api: Api, number: int, about: str, reason: str) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"e{number}", "namespace": api.namespace},
        "involvedObject": {"kind": "Pod", "name": about, "namespace": api.namespace},
        "reason": reason,
        "message": f"message {number}",
        "type": "Warning",
        "firstTimestamp": f"2026-01-01T00:00:{number:02}Z",
        "lastTimestamp": f"2026-01-01T00:00:{number:02}Z",
        "reportingComponent": "",
        "reportingInstance": "",
        "source": {},
    }
    await api.client.apply(event)


def container(state: Object, *, ready: bool = False, restarts: int = 0, last: Object | None = None) -> Object:
    return {
        "name": "web",
        "image": "web:1",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


CRASHED = {"exitCode": 2, "reason": "Error", "containerID": "docker://1"}
CRASH = {
    "phase": "Running",
    "containerStatuses": [
        container(
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
            restarts=3,
            last={"terminated": CRASHED},
        )
    ],
}
NO_IMAGE = {
    "phase": "Pending",
    "containerStatuses": [container({"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}})],
}
NO_NODE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes: 1 Too many",
        }
    ],
}


def server_of(api: Api) -> KubeServer:
    assert api.server is not None
    return api.server


async def test_a_wait_ends_with_the_change_of_somebody_else(api: Api) -> None:
    def ready(found: Object | None) -> bool | str:
        return bool(found and (found.get("data") or {}).get("a") == "2") or "a is not 2"

    where = ("v1", "ConfigMap", "settings", api.namespace)
    waiting = asyncio.create_task(api.client.wait_for(*where, ready, timeout=20, what="a to be 2"))
    await api.client.apply(config_map(api, a="1"))
    await api.client.apply(config_map(api, a="2"))
    assert (await waiting)["data"] == {"a": "2"}


async def test_a_wait_for_absence_ends_with_the_deletion(api: Api) -> None:
    await api.client.apply(config_map(api))
    where = ("v1", "ConfigMap", "settings", api.namespace)
    waiting = asyncio.create_task(
        api.client.wait_for(*where, lambda found: found is None, timeout=20, what="it to go")
    )
    await asyncio.sleep(0)
    await api.client.delete("v1", "ConfigMap", "settings", api.namespace)
    assert await waiting == {}


async def test_a_wait_that_ends_in_vain_tells_the_last_reason(api: Api) -> None:
    await api.client.apply(config_map(api, a="1"))
    where = ("v1", "ConfigMap", "settings", api.namespace)
    with pytest.raises(NotReady, match=r"ConfigMap .*settings was not ready in 1 s") as failure:
        await api.client.wait_for(*where, lambda _: "a is still 1", timeout=1, what="a to be 2")
    assert failure.value.detail == "a is still 1"
    assert "a to be 2" in failure.value.title


async def test_a_wait_on_a_kind_that_is_served_later(local: Api) -> None:
    server = server_of(local)
    waiting = asyncio.create_task(
        local.client.wait_for(
            "platform.tkestack.io/v1",
            "Cluster",
            "global",
            None,
            lambda o: o is not None,
            timeout=20,
            what="it",
        )
    )
    await server.until(lambda: server.asked("GET", "platform.tkestack.io") > 0)
    server.fail(503, path="platform.tkestack.io/v1$")
    server.kinds["platform.tkestack.io/v1"] = {"Cluster": ("clusters", False)}
    await server.put(
        {"apiVersion": "platform.tkestack.io/v1", "kind": "Cluster", "metadata": {"name": "global"}}
    )
    assert (await waiting)["metadata"]["name"] == "global"


@pytest.mark.parametrize("trouble", ["dropped", "expired event", "expired status", "restarted"])
async def test_a_watch_survives(local: Api, trouble: str) -> None:
    server = server_of(local)
    await server.put(config_map(local, a="1"))
    where = ("v1", "ConfigMap", "settings", local.namespace)
    versions: list[str] = []
    second = asyncio.Event()

    def ready(found: Object | None) -> bool:
        versions.append((found or {}).get("data", {}).get("a", ""))
        if versions[-1] == "2":
            second.set()
        return versions[-1] == "3"

    waiting = asyncio.create_task(local.client.wait_for(*where, ready, timeout=20, what="a to be 3"))
    await server.until(lambda: server.watching == 1)
    await server.put(config_map(local, a="2"))
    await second.wait()
    match trouble:
        case "dropped":
            await server.drop_watches()
        case "expired event":
            server.expire()
            await server.drop_watches()
        case "expired status":
            server.fail(410, path="watch=true")
            await server.drop_watches()
        case "restarted":
            await server.stop()
            await server.start(server.port)
    await server.put(config_map(local, a="3"))
    await waiting
    lists = sum(1 for m, p, q in server.requests if p.endswith("/configmaps") and "watch" not in q)
    assert lists == (2 if trouble.startswith("expired") else 1)
    assert versions[:2] == ["1", "2"]


async def test_a_server_whose_watches_stand_still_is_asked_again(
    local: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_watch, "WATCH_SECONDS", 1)
    server = server_of(local)
    server.deaf = True
    where = ("v1", "ConfigMap", "settings", local.namespace)
    waiting = asyncio.create_task(
        local.client.wait_for(*where, lambda o: o is not None, timeout=20, what="it")
    )
    await server.until(lambda: server.watching == 1)
    await server.put(config_map(local))
    await waiting


async def test_a_watch_without_rights_fails_at_once(local: Api) -> None:
    server_of(local).fail(403, path="watch=true")
    with pytest.raises(Fatal, match="does not allow: watch ConfigMap"):
        await local.client.wait_for(
            "v1", "ConfigMap", "settings", local.namespace, lambda o: o is not None, timeout=20, what="it"
        )


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet"])
async def test_a_rollout_ends_when_the_present_generation_is_everywhere(api: Api, kind: str) -> None:
    await api.client.apply(workload(api, kind))
    found = await api.client.get("apps/v1", kind, "web", api.namespace)
    assert found is not None
    await api.set_status(found, ready_status(found))
    await api.client.wait_rollout(kind, "web", api.namespace, timeout=20)
    # A new generation makes the old status worthless until the controller has seen it.
    await api.client.apply(workload(api, kind, image="web:2"))
    waiting = asyncio.create_task(api.client.wait_rollout(kind, "web", api.namespace, timeout=20))
    changed = await api.client.get("apps/v1", kind, "web", api.namespace)
    assert changed is not None
    assert changed["metadata"]["generation"] == 2
    assert not waiting.done()
    await api.set_status(changed, ready_status(changed))
    await waiting


async def test_a_rollout_in_vain_names_pod_container_reason_events_and_log_lines(api: Api) -> None:
    await api.client.apply(workload(api))
    await make_pod(api, CRASH)
    for number in range(1, 8):
        await make_event(api, number, "web-1", "BackOff")
    await make_event(api, 9, "somebody-else", "Unrelated")
    if api.server is not None:
        api.server.pod_logs[(api.namespace, "web-1", "web/previous")] = [f"line {n}" for n in range(30)]
    with pytest.raises(NotReady, match=r"Deployment .*/web was not ready in 1 s") as failure:
        await api.client.wait_rollout("Deployment", "web", api.namespace, timeout=1)
    assert failure.value.evidence is not None
    output = failure.value.evidence.output
    text = "\n".join(output)
    assert "pod web-1" in text
    assert (
        "container web (web:1): waiting: CrashLoopBackOff back-off 20s; 3 restarts; last time terminated"
        in text
    )
    assert "exit code 2" in text
    events = [line for line in output if line.startswith("event ")]
    assert [line.rsplit(" ", 1)[1] for line in events] == ["3", "4", "5", "6", "7"]
    if api.server is not None:
        logs = [line for line in output if line.startswith("log ")]
        assert logs == [f"log web-1/web: line {n}" for n in range(20, 30)]


@pytest.mark.parametrize(
    ("status", "reason", "remedy"),
    [
        (CRASH, "CrashLoopBackOff", "ends again and again"),
        (NO_IMAGE, "ImagePullBackOff", "registry"),
        (NO_NODE, "Unschedulable", "No node takes the pod"),
    ],
)
async def test_a_pod_that_is_stuck_ends_the_wait_early(
    api: Api, status: Object, reason: str, remedy: str
) -> None:
    await api.client.apply(workload(api))
    await make_pod(api, status)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(NotReady, match=f"cannot become ready: {reason}") as failure:
        await api.client.wait_rollout("Deployment", "web", api.namespace, timeout=50, grace=0.1)
    assert asyncio.get_running_loop().time() - begun < 10
    assert "pod web-1" in failure.value.detail
    assert remedy in failure.value.fix
    assert failure.value.evidence is not None
    assert any(reason in line for line in failure.value.evidence.output)


async def test_a_pod_that_recovers_within_the_grace_period_does_no_harm(local: Api) -> None:
    server = server_of(local)
    await local.client.apply(workload(local))
    await make_pod(local, NO_IMAGE)
    waiting = asyncio.create_task(
        local.client.wait_rollout("Deployment", "web", local.namespace, timeout=20, grace=10)
    )
    await server.until(lambda: server.watching == 2)
    await make_pod(local, {"phase": "Running", "containerStatuses": [container({"running": {}}, ready=True)]})
    await local.set_status(workload(local), ready_status({**workload(local), "metadata": {"generation": 1}}))
    await waiting
    await server.until(lambda: server.watching == 0)


async def test_a_broken_pod_of_the_revision_before_does_not_stop_its_repair(local: Api) -> None:
    server = server_of(local)
    annotation = "deployment.kubernetes.io/revision"
    repaired = workload(local)
    repaired["metadata"]["annotations"] = {annotation: "2"}
    await server.put(repaired)
    old_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web-old", "namespace": local.namespace, "annotations": {annotation: "1"}},
        "spec": {},
    }
    await server.put(old_set)
    await make_pod(local, CRASH, ownerReferences=[{"kind": "ReplicaSet", "name": "web-old"}])
    waiting = asyncio.create_task(
        local.client.wait_rollout("Deployment", "web", local.namespace, timeout=20, grace=0.05)
    )
    await server.until(lambda: server.asked("GET", "deployments/web") > 0)
    await local.set_status(repaired, ready_status({**repaired, "metadata": {"generation": 1}}))
    await waiting


async def test_a_workload_that_does_not_exist_is_named(api: Api) -> None:
    with pytest.raises(NotReady) as failure:
        await api.client.wait_rollout("Deployment", "web", api.namespace, timeout=1)
    assert failure.value.detail == "it does not exist"
    assert failure.value.evidence is not None
    assert "does not exist" in failure.value.evidence.output[0]


async def test_logs_of_a_container_that_has_not_started_are_empty(local: Api) -> None:
    assert await local.client.logs(local.namespace, "web-1", "web") == []

"""Waiting on objects and on the pods behind them, without limits of its own: put it inside `asyncio.timeout`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from tke_tui.core.adapters.kube_errors import ApiUnavailable
from tke_tui.core.adapters.kube_paths import Discovery, Resource
from tke_tui.core.adapters.kube_pods import PodGuard, Trouble
from tke_tui.core.adapters.kube_rollout import API_VERSION as APPS
from tke_tui.core.adapters.kube_rollout import selector_text
from tke_tui.core.adapters.kube_transport import Transport
from tke_tui.core.adapters.kube_watch import snapshots

Object = dict[str, Any]
Ready = Callable[[Object | None], bool | str]
Get = Callable[[str, str, str, str | None], Awaitable[Object | None]]

REVISION = "deployment.kubernetes.io/revision"


class Waiter:
    """`get` is `KubeClient.get`; `pause` (s) the first pause after a failed request."""

    def __init__(self, transport: Transport, discovery: Discovery, get: Get, pause: float) -> None:
        self._transport = transport
        self._discovery = discovery
        self._get = get
        self._pause = pause

    async def until(
        self, api_version: str, kind: str, name: str, namespace: str | None, ready: Ready, last: list[str]
    ) -> Object:
        """The object once `ready` says True ({} when that was for its absence); `last[0]` is kept at why not yet."""
        resource = await self._served(api_version, kind, ready, last)
        if resource is None:
            return {}
        query = {"fieldSelector": f"metadata.name={name}"}
        what = f"watch {label_of(kind, name, namespace)}"
        stream = snapshots(self._transport, resource.path(namespace), query, what=what, pause=self._pause)
        async with aclosing(stream):
            async for objects in stream:
                current = objects[0] if objects else None
                if (verdict := ready(current)) is True:
                    return current or {}
                last[0] = verdict or ("it is not ready" if objects else "it does not exist")
        raise AssertionError("a watch never ends by itself")  # pragma: no cover

    async def _served(self, api_version: str, kind: str, ready: Ready, last: list[str]) -> Resource | None:
        """The resource once the server serves it; None when `ready(None)` is True before."""
        delay = self._pause
        while True:
            try:
                resource = await self._discovery.find(api_version, kind)
            except ApiUnavailable as error:
                last[0] = error.detail or error.title
            else:
                if resource is not None:
                    return resource
                if (verdict := ready(None)) is True:
                    return None
                last[0] = verdict or f"the API server does not serve {kind} of {api_version}"
            # A kind that is not served has nothing to watch.
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, 5.0)

    async def stuck_pod(self, kind: str, name: str, namespace: str, grace: float) -> Trouble:
        """Returns only when a pod of the workload's present revision is in trouble for `grace` seconds."""
        workload = await self.until(APPS, kind, name, namespace, lambda found: found is not None, [""])
        selector = selector_text(workload["spec"]["selector"])
        guard, changed, pods = PodGuard(grace), asyncio.Event(), dict[str, Object]()
        clock = asyncio.get_running_loop().time

        async def feed() -> None:
            path = f"/api/v1/namespaces/{namespace}/pods"
            what = f"watch the pods of {label_of(kind, name, namespace)}"
            stream = snapshots(
                self._transport, path, {"labelSelector": selector}, what=what, pause=self._pause
            )
            async with aclosing(stream):
                async for current in stream:
                    pods.clear()
                    pods.update({p["metadata"]["name"]: p for p in current})
                    guard.observe(current, clock())
                    changed.set()

        async def judge() -> Trouble:
            outdated: set[str] = set()
            while True:
                changed.clear()
                for trouble in guard.overdue(clock()):
                    if trouble.pod in outdated or trouble.pod not in pods:
                        continue
                    if kind == "Deployment" and await self._is_outdated(pods[trouble.pod], name, namespace):
                        outdated.add(trouble.pod)
                        continue
                    return trouble
                try:
                    async with asyncio.timeout(guard.seconds_left(clock())):
                        await changed.wait()
                except TimeoutError:
                    continue

        result: Trouble = await first_of(judge(), feed())
        return result

    async def _is_outdated(self, pod: Object, deployment: str, namespace: str) -> bool:
        """True when the pod is of an earlier revision: it is on its way out and may be as broken as it likes."""
        owners = pod["metadata"].get("ownerReferences") or []
        owner = next((o["name"] for o in owners if o.get("kind") == "ReplicaSet"), None)
        if owner is None:
            return False
        replica_set = await self._get(APPS, "ReplicaSet", owner, namespace)
        workload = await self._get(APPS, "Deployment", deployment, namespace)
        if replica_set is None or workload is None:
            return replica_set is None
        mine, present = (o["metadata"].get("annotations") or {} for o in (replica_set, workload))
        return bool(mine.get(REVISION) != present.get(REVISION))


async def first_of(*works: Awaitable[Any]) -> Any:
    """The result (or error) of the work that ends first; the others are cancelled and waited for."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def label_of(kind: str, name: str, namespace: str | None) -> str:
    """`Deployment kube-system/coredns`, `Node 10.0.0.1`."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

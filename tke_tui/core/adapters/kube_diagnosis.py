"""Why is a workload not ready? Its pods, their events and their last log lines, collected for the error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tke_tui.core.adapters.kube_pods import containers, describe, is_ready, troubles
from tke_tui.core.adapters.kube_rollout import selector_text
from tke_tui.core.errors import TkeError

if TYPE_CHECKING:
    from tke_tui.core.adapters.kube import KubeClient

Object = dict[str, Any]

PODS = 3
EVENTS = 5
LOG_LINES = 10
LONGEST_LINE = 500
TIME_LIMIT = 20.0


async def diagnose(kube: KubeClient, kind: str, name: str, namespace: str) -> tuple[str, ...]:
    """Lines for a person: up to 3 pods that are not ready, the 5 latest events, 10 log lines of a failing container.

    Never raises and takes at most 20 s: what cannot be found out is said in a line.
    """
    lines: list[str] = []
    try:
        async with asyncio.timeout(TIME_LIMIT):
            await _collect(kube, kind, name, namespace, lines)
    except TimeoutError:
        lines.append(f"(no more found out within {TIME_LIMIT:g} s)")
    except TkeError as error:
        lines.append(f"(no more found out: {error.title}: {error.detail})")
    return tuple(lines)


async def _collect(kube: KubeClient, kind: str, name: str, namespace: str, lines: list[str]) -> None:
    workload = await kube.get("apps/v1", kind, name, namespace)
    if workload is None:
        lines.append(f"{kind} {namespace}/{name} does not exist")
        return
    selector = selector_text(workload["spec"]["selector"])
    pods = await kube.list("v1", "Pod", namespace, label_selector=selector)
    # Those with a stated reason first, they explain most.
    unready = sorted((p for p in pods if not is_ready(p)), key=lambda p: not troubles(p))
    if not pods:
        lines.append("there are no pods of it")
    for pod in unready[:PODS]:
        lines += describe(pod)
    if len(unready) > PODS:
        lines.append(f"and {len(unready) - PODS} more pods that are not ready")
    names = {name, *(p["metadata"]["name"] for p in unready)}
    if kind == "Deployment":
        sets = await kube.list("apps/v1", "ReplicaSet", namespace, label_selector=selector)
        names |= {s["metadata"]["name"] for s in sets}
    lines += await _events(kube, namespace, names)
    for pod in unready[:PODS]:
        if log := await _log(kube, namespace, pod):
            lines += log
            break


async def _events(kube: KubeClient, namespace: str, names: set[str]) -> list[str]:
    events = await kube.list("v1", "Event", namespace)
    mine = [e for e in events if (e.get("involvedObject") or {}).get("name") in names]
    return [_event_line(event) for event in sorted(mine, key=_when)[-EVENTS:]]


def _when(event: Object) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(t) for t in times if t), str(event["metadata"].get("creationTimestamp") or ""))


def _event_line(event: Object) -> str:
    who = event["involvedObject"]
    text = " ".join(str(event.get("message") or "").split())
    return f"event {who.get('kind', '')} {who['name']}: {event.get('reason', '')}: {text}"[:LONGEST_LINE]


async def _log(kube: KubeClient, namespace: str, pod: Object) -> list[str]:
    """Last lines of the container that fails; of its last run when the present one has not said anything yet."""
    name = pod["metadata"]["name"]
    for container in containers(pod):
        if (
            container.get("ready")
            or ((container.get("state") or {}).get("terminated") or {}).get("exitCode") == 0
        ):
            continue
        for previous in (False, True):
            lines = await kube.logs(namespace, name, container["name"], tail=LOG_LINES, previous=previous)
            if lines:
                return [
                    f"log {name}/{container['name']}: {line[:LONGEST_LINE]}" for line in lines[-LOG_LINES:]
                ]
    return []

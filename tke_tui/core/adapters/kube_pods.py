"""What is wrong with a pod, and for how long: the reasons that waiting alone will hardly heal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

STUCK_REASONS = {
    "CrashLoopBackOff": "crash",
    "RunContainerError": "crash",
    "CreateContainerError": "create",
    "CreateContainerConfigError": "create",
    "ImagePullBackOff": "image",
    "ErrImagePull": "image",
    "ErrImageNeverPull": "image",
    "InvalidImageName": "image",
    "ImageInspectError": "image",
    "RegistryUnavailable": "image",
}
"""Reasons of waiting containers, each with its family; within a family reasons come and go in turns."""

_FIXES = {
    "crash": "The container ends again and again; its last lines above say why. Correct that, then continue with "
    "--resume.",
    "create": "The container cannot be made: a config map, secret, volume or option of the object is wrong, or "
    "the container runtime of the node is in trouble. The message above names it.",
    "image": "The node cannot get the image: check that the registry runs, that it holds the image, and that the "
    "name of the registry resolves on the node (/etc/hosts). Then continue with --resume.",
    "schedule": "No node takes the pod: look at the message above for missing CPU or memory, taints, or nodes that "
    "are not ready (network plugin not running).",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pod that does not get on. `family` is crash, create, image or schedule; `container` "" for the whole pod."""

    pod: str
    container: str
    family: str
    reason: str
    message: str

    @property
    def text(self) -> str:
        where = f"pod {self.pod}" + (f", container {self.container}" if self.container else "")
        return f"{where}: {self.reason}" + (f" - {self.message}" if self.message else "")

    @property
    def fix(self) -> str:
        return _FIXES[self.family]


def troubles(pod: Object) -> list[Trouble]:
    """What keeps this pod from running; empty for a healthy pod, one still starting, and one being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return []
    name = pod["metadata"]["name"]
    found = []
    for condition in pod.get("status", {}).get("conditions") or []:
        if (
            condition["type"] == "PodScheduled"
            and condition["status"] == "False"
            and condition.get("reason") == "Unschedulable"
        ):
            found.append(Trouble(name, "", "schedule", "Unschedulable", condition.get("message", "")))
    for container in containers(pod):
        waiting = container.get("state", {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in STUCK_REASONS:
            family = STUCK_REASONS[reason]
            found.append(Trouble(name, container["name"], family, reason, waiting.get("message", "")))
    return found


def containers(pod: Object) -> list[Object]:
    """Container statuses, init containers first."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def is_ready(pod: Object) -> bool:
    """True when the pod's Ready condition holds."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def describe(pod: Object) -> list[str]:
    """The state of a pod in lines: its phase and node, its troubles, each container that is not ready."""
    status = pod.get("status", {})
    node = pod.get("spec", {}).get("nodeName") or "no node yet"
    lines = [f"pod {pod['metadata']['name']} on {node}: {status.get('phase', 'Unknown')}"]
    if status.get("message") or status.get("reason"):
        lines[0] += f" ({status.get('reason', '')}: {status.get('message', '')})"
    lines += [f"  {t.reason}: {t.message}" for t in troubles(pod) if t.family == "schedule"]
    lines += [line for c in containers(pod) if (line := _container_line(c))]
    return lines


def _container_line(container: Object) -> str:
    state = container.get("state") or {}
    restarts = int(container.get("restartCount") or 0)
    parts = []
    if waiting := state.get("waiting"):
        parts.append(f"waiting: {waiting.get('reason', '?')} {waiting.get('message', '')}".rstrip())
    if terminated := state.get("terminated"):
        if int(terminated.get("exitCode") or 0) == 0:
            return ""
        parts.append(_ended(terminated))
    if "running" in state:
        if container.get("ready"):
            return ""
        parts.append("running but not ready")
    if restarts:
        parts.append(f"{restarts} restarts")
    if last := (container.get("lastState") or {}).get("terminated"):
        parts.append("last time " + _ended(last))
    return (
        f"  container {container['name']} ({container.get('image', '')}): {'; '.join(parts)}" if parts else ""
    )


def _ended(terminated: Object) -> str:
    text = f"terminated: {terminated.get('reason', '?')} exit code {terminated.get('exitCode', '?')}"
    return f"{text} {terminated['message'].strip()}" if terminated.get("message") else text


@dataclass(slots=True)
class _Record:
    trouble: Trouble
    since: float
    now: bool
    well_since: float | None = None


class PodGuard:
    """Remembers since when pods are in trouble; `grace` is in seconds, times are those of the event loop.

    A crashing container looks healthy between its crashes: the clock of its trouble only starts anew after it was
    well for a whole grace period.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._records: dict[tuple[str, str, str], _Record] = {}

    def observe(self, pods: Iterable[Object], now: float) -> None:
        """Take note of the pods as they are at `now`."""
        present: set[str] = set()
        bad: dict[tuple[str, str, str], Trouble] = {}
        for pod in pods:
            uid = str(pod["metadata"].get("uid") or pod["metadata"]["name"])
            present.add(uid)
            for trouble in troubles(pod):
                bad[(uid, trouble.container, trouble.family)] = trouble
        for key, record in list(self._records.items()):
            if key[0] not in present:
                del self._records[key]
            elif key not in bad and record.now:
                record.now, record.well_since = False, now
        for key, trouble in bad.items():
            known = self._records.get(key)
            healed = (
                known is not None and known.well_since is not None and now - known.well_since >= self._grace
            )
            since = now if known is None or healed else known.since
            self._records[key] = _Record(trouble, since, now=True)

    def overdue(self, now: float) -> list[Trouble]:
        """Troubles that last and have lasted for the grace period."""
        return [r.trouble for r in self._records.values() if r.now and now - r.since >= self._grace]

    def seconds_left(self, now: float) -> float | None:
        """How long until the next trouble becomes overdue (those that are do not count); None when none will."""
        left = [rest for r in self._records.values() if r.now and (rest := self._grace - (now - r.since)) > 0]
        return min(left) if left else None

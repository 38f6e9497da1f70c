"""Storage of the in-process Kubernetes API: objects, their versions, and a history for watches."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from tke_tui.lab.kube.kinds import KINDS, WITH_GENERATION, Object

_T = TypeVar("_T")
Key = tuple[str, str, str, str]
"""(apiVersion, kind, namespace, name)"""

HISTORY = 5000
"""Changes that are remembered; watches from before them get 410."""


@dataclass(frozen=True)
class Change:
    """One entry of the history: `type` is ADDED, MODIFIED or DELETED, `obj` the object as it was then.

    `before` is a modified object as it was until then.
    """

    version: int
    type: str
    obj: Object
    before: Object | None = None


@dataclass
class Store:
    """All objects of one cluster. Stored objects are never changed in place."""

    objects: dict[Key, Object] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    version: int = 1
    oldest: int = 0
    """Watches from a version below this one are answered with 410."""
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)
    _kinds: defaultdict[tuple[str, str], set[Key]] = field(default_factory=lambda: defaultdict(set))
    _addresses: Iterator[int] = field(default_factory=lambda: itertools.count(20))
    _node_ports: Iterator[int] = field(default_factory=lambda: itertools.count(31000))

    def get(self, key: Key) -> Object | None:
        found = self.objects.get(key)
        return duplicate(found) if found is not None else None

    def list(self, api_version: str, kind: str, namespace: str | None) -> list[Object]:
        return [duplicate(obj) for obj in self.view(api_version, kind, namespace)]

    def view(self, api_version: str, kind: str, namespace: str | None) -> Sequence[Object]:
        """As `list`, but the stored objects themselves: to be read only."""
        keys = sorted(k for k in self._kinds.get((api_version, kind), ()) if namespace in (None, k[2]))
        return [self.objects[key] for key in keys]

    def count(self, api_version: str, kind: str) -> int:
        """How many objects of a kind there are."""
        return len(self._kinds.get((api_version, kind), ()))

    def write(self, key: Key, obj: Object) -> Object:
        """Store `obj` under a new version, unless it equals what is there."""
        before = self.objects.get(key)
        after = prepare(before, obj)
        if before is not None and _bare(before) == _bare(after):
            return duplicate(before)
        self.version += 1
        after["metadata"]["resourceVersion"] = str(self.version)
        if key[:2] == ("v1", "Service"):
            self._give_addresses(after)
        self.objects[key] = after
        self._kinds[key[:2]].add(key)
        kind = "ADDED" if before is None else "MODIFIED"
        self._tell(Change(self.version, kind, after, before))
        return duplicate(after)

    def _give_addresses(self, service: Object) -> None:
        """An address, and ports of the nodes, where a service has none yet."""
        spec = service["spec"]
        kind = spec.get("type", "ClusterIP")
        if kind != "ExternalName" and not spec.get("clusterIP"):
            number = next(self._addresses)
            spec["clusterIP"] = f"10.96.{number // 250}.{number % 250 + 1}"
        if spec.get("clusterIP"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        if kind in ("LoadBalancer", "NodePort"):
            for port in spec.get("ports") or ():
                port["nodePort"] = port.get("nodePort") or next(self._node_ports)
        service.setdefault("status", {"loadBalancer": {}})

    def remove(self, key: Key) -> Object | None:
        """Remove an object, and those that it owns; the object, None when there is none."""
        gone = self.objects.pop(key, None)
        if gone is None:
            return None
        self._kinds[key[:2]].discard(key)
        self.version += 1
        gone = duplicate(gone)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._tell(Change(self.version, "DELETED", gone))
        uid = gone["metadata"].get("uid")
        owned = [
            other
            for other, obj in self.objects.items()
            if any(owner.get("uid") == uid for owner in obj["metadata"].get("ownerReferences") or ())
        ]
        inside = [other for other in self.objects if other[2] == key[3]] if key[1] == "Namespace" else []
        for other in (*owned, *inside):
            self.remove(other)
        return duplicate(gone)

    def forget(self) -> None:
        """Forget the history, as the API server does after some minutes: older watches get 410."""
        self.version += 1
        self.oldest = self.version
        self.history.clear()

    async def wait_beyond(self, version: int) -> None:
        """Until there is a change with a higher version; at once when there is one already."""
        while not self.history or self.history[-1].version <= version:
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(told)
            try:
                await told
            finally:
                self._waiting.discard(told)

    def _tell(self, change: Change) -> None:
        self.history.append(change)
        if len(self.history) > HISTORY:
            self.oldest = self.history.popleft().version
        for told in self._waiting:
            if not told.done():
                told.set_result(None)


def duplicate(value: _T) -> _T:
    """A copy of JSON-like data; `copy.deepcopy`, which minds more than that, takes five times as long."""
    if isinstance(value, dict):
        return cast(_T, {name: duplicate(each) for name, each in value.items()})
    if isinstance(value, list):
        return cast(_T, [duplicate(each) for each in value])
    return value


def prepare(before: Object | None, obj: Object) -> Object:
    """What the server adds on its own: uid, creation time, generation (grows with the spec)."""
    after = duplicate(obj)
    metadata = after["metadata"]
    if before is None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["uid"] = metadata.get("uid") or str(uuid.uuid4())
        metadata["creationTimestamp"] = metadata.get("creationTimestamp") or now
        generation = 1
    else:
        for name in ("uid", "creationTimestamp"):
            metadata[name] = before["metadata"][name]
        generation = int(before["metadata"].get("generation") or 1)
        if before.get("spec") != after.get("spec"):
            generation += 1
    kind, version = after.get("kind"), after.get("apiVersion", "")
    if kind in WITH_GENERATION or kind not in KINDS.get(version, {}):
        metadata["generation"] = generation
    return after


def _bare(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    return {**obj, "metadata": metadata}

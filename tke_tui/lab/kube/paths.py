"""What a path of the API is about, and which methods there are for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tke_tui.lab.kube.kinds import FINALIZED, SCALED, KindTable
from tke_tui.lab.kube.store import Key

RUNNING_SUBS = ("attach", "exec", "portforward", "proxy")
"""Subresources for which something would have to run."""
_PATH = re.compile(
    r"^(?P<group>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?$"
)
_NAMESPACE_SUBS = ("status", "finalize")


@dataclass(frozen=True)
class Resource:
    """What a path is about: a kind, and one object of it when `name` is not empty; `sub` e.g. `status`."""

    version: str
    kind: str
    plural: str
    namespaced: bool
    namespace: str | None
    name: str
    sub: str

    @property
    def key(self) -> Key:
        return self.version, self.kind, (self.namespace or "") if self.namespaced else "", self.name

    def takes(self, method: str) -> bool:
        """Whether there is such a method: what is created or deleted all at once has a namespace, but no name."""
        in_one_place = not self.namespaced or self.namespace is not None
        match method:
            case "GET":
                return True
            case "PUT" | "PATCH":
                return bool(self.name)
            case "DELETE":
                return not self.sub and (bool(self.name) or in_one_place)
            case "POST":
                return not self.name and in_one_place
        return False


def resource_of(path: str, served: Mapping[str, KindTable]) -> Resource | None:
    """What a path is about; None for a kind, or a subresource, that is not there."""
    found = _PATH.match(path)
    if found is None:
        return None
    version = found["group"].removeprefix("/apis/").removeprefix("/api/")
    plural, namespace = found["plural"], found["namespace"]
    name, sub = found["name"] or "", found["sub"] or ""
    if version == "v1" and namespace and plural in _NAMESPACE_SUBS and not name:
        plural, namespace, name, sub = "namespaces", None, namespace, plural
    for kind, (known, namespaced) in served.get(version, {}).items():
        if known == plural and (not sub or sub in _subs(plural)):
            return Resource(version, kind, plural, namespaced, namespace, name, sub)
    return None


def _subs(plural: str) -> set[str]:
    found = {"status"}
    if plural in SCALED:
        found.add("scale")
    if plural in FINALIZED or plural == "namespaces":
        found.add("finalize")
    if plural == "pods":
        found |= {"log", *RUNNING_SUBS}
    if plural in ("nodes", "services"):
        found.add("proxy")
    return found

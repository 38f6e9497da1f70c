"""What differs between the input of a cluster that stands and a new one, and what of it cannot be made so.

The original refuses changes of most of these fields as well (`Cluster` of platform.tkestack.io/v1, on update).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tke_tui.core.errors import UsageError
from tke_tui.core.kubeadm.versions import why_not_upgrade
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.fields import MASK

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara

MACHINES = "cluster.spec.machines"
_DIGEST = "\0digest "


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs: `path` is its key path, machines by their address; None = absent.

    `before` and `after` are ready to be shown: secrets are masked.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path}: {_shown(self.after)} is added"
        if self.after is None:
            return f"{self.path}: {_shown(self.before)} is removed"
        if self.before == self.after == MASK:
            return f"{self.path}: another secret"
        return f"{self.path}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that cannot be made: where, why, what to do instead."""

    path: str
    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}\n  fix: {self.fix}"


ALLOWED = (
    f"{MACHINES}[[]*].*",
    "cluster.spec.version",
    "cluster.spec.publicAlternativeNames",
    "cluster.spec.apiServerExtraArgs.*",
    "cluster.spec.controllerManagerExtraArgs.*",
    "cluster.spec.schedulerExtraArgs.*",
    "cluster.spec.kubeletExtraArgs.*",
    "cluster.spec.upgrade.*",
    "cluster.spec.properties.oversoldRatio.*",
    "cluster.metadata.labels.*",
    "cluster.metadata.annotations.*",
    "Config.skipSteps",
    "cluster.spec.features.skipConditions",
)

_KEEP = "Leave it as it was, or set up another cluster with it."
_REFUSED = {
    "cluster.spec.clusterCIDR": "every pod has an address of this network",
    "cluster.spec.serviceCIDR": "every service has an address of this network",
    "cluster.spec.properties.maxClusterServiceNum": "it decides the network of the services",
    "cluster.spec.properties.maxNodePodNum": "it decides which part of the pods' network each node has",
    "cluster.spec.dnsDomain": "names below it are in the certificates and in the settings of running pods",
    "cluster.spec.networkDevice": "the network of running pods is on it",
    "cluster.spec.dockerExtraArgs.*": "docker would be started with it below running pods",
    "cluster.spec.etcd.*": "etcd runs with it, and holds the cluster's data",
    "Config.registry.*": "every image of running pods comes from this registry",
    "cluster.spec.features.*": "it is decided when the cluster is created",
}
_PLATFORM_FIX = (
    "Leave it as it was here; parts of the platform are changed with: tke-tui install --resume -c FILE"
)


def differences(before: CreateClusterPara, after: CreateClusterPara) -> list[Change]:
    """Every value that differs, in the order of the documents. Both inputs have their defaults.

    What the installer itself derives (`features.ha` from `Config.ha`, the status) does not count. A machine that
    comes or goes is one change.
    """
    old, new = _flat(before), _flat(after)
    whole = [path for path in {**old, **new} if _is_machine(path) and (path in old) != (path in new)]
    changes = []
    for path in {**old, **new}:
        part_of_one = any(path.startswith(f"{machine}.") for machine in whole)
        if old.get(path) != new.get(path) and not part_of_one:
            changes.append(Change(path, _masked(old.get(path)), _masked(new.get(path))))
    return changes


def _is_machine(path: str) -> bool:
    return path.startswith(f"{MACHINES}[") and path.endswith("]")


def refusals(before: CreateClusterPara, after: CreateClusterPara) -> list[Refusal]:
    """Every change from `before` to `after` that cannot be made."""
    found = [*_machines(before, after), *_version(before, after), *_high_availability(before, after)]
    handled = (MACHINES, "cluster.spec.version", "Config.ha")
    for change in differences(before, after):
        if not change.path.startswith(handled) and not _matches(change.path, ALLOWED):
            found.append(_refusal(change.path))
    return found


def require_possible(*pairs: tuple[CreateClusterPara, CreateClusterPara]) -> None:
    """Raise `UsageError` naming everything in these (before, after) that cannot be made so."""
    found = list(dict.fromkeys(str(one) for before, after in pairs for one in refusals(before, after)))
    if found:
        raise UsageError(
            f"{len(found)} change(s) cannot be made to a cluster that stands",
            detail="\n".join(found),
            fix="Take these changes out of the input; nothing was changed.",
        )


def _machines(before: CreateClusterPara, after: CreateClusterPara) -> Iterator[Refusal]:
    now = {str(machine.ip) for machine in after.machines}
    for machine in before.machines:
        if str(machine.ip) not in now:
            yield Refusal(
                f"{MACHINES}[{machine.ip}]",
                "the machine is a member of etcd and runs a control plane; it is not removed",
                "Leave it in the input. A machine is taken out with `kubeadm reset` there and `kubectl delete node`.",
            )
    if str(before.first.ip) in now and str(after.first.ip) != str(before.first.ip):
        yield Refusal(
            f"{MACHINES}[{after.first.ip}]",
            f"{before.first.ip} is the first machine of the cluster; another one cannot become it",
            f"Leave {before.first.ip} first and put new machines after it.",
        )


def _version(before: CreateClusterPara, after: CreateClusterPara) -> Iterator[Refusal]:
    problem = why_not_upgrade(before.cluster.spec.version, after.cluster.spec.version)
    if problem:
        yield Refusal(
            "cluster.spec.version",
            problem,
            "Give the present version, or the next minor version of a bundle that holds it.",
        )


def _high_availability(before: CreateClusterPara, after: CreateClusterPara) -> Iterator[Refusal]:
    if before.advertise is None or (before.advertise, _kind(before)) == (after.advertise, _kind(after)):
        return
    what = "its removal" if after.advertise is None else "another one"
    yield Refusal(
        "Config.ha",
        f"the cluster is reached at {before.advertise[0]}:{before.advertise[1]}; {what} would cut machines and people "
        "off it",
        "Leave Config.ha as it was. It can be added to a cluster that has none.",
    )


def _kind(para: CreateClusterPara) -> str:
    return "keepalived" if para.ha is not None and para.ha.tke is not None else "balancer"


def _refusal(path: str) -> Refusal:
    for pattern, reason in _REFUSED.items():
        if _matches(path, (pattern,)):
            return Refusal(path, reason, _KEEP)
    if path.startswith("Config."):
        return Refusal(path, "it belongs to the platform on the cluster", _PLATFORM_FIX)
    return Refusal(path, "it is decided when the cluster is created", _KEEP)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(
        fnmatchcase(path, pattern) or fnmatchcase(path, pattern.removesuffix(".*")) for pattern in patterns
    )


def _flat(para: CreateClusterPara) -> dict[str, Any]:
    """Key path -> value; lists of texts as one value, machines by address. Secrets as digests."""

    def digest(path: str, value: str) -> str:
        return _DIGEST + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()

    document = dump_para(para, secrets=digest)
    document["cluster"].pop("status", None)
    document["cluster"]["spec"].get("features", {}).pop("ha", None)
    machines = document["cluster"]["spec"].pop("machines", [])
    flat = dict(_leaves("", document))
    for machine in machines:
        address = machine.pop("ip")
        flat[f"{MACHINES}[{address}]"] = "machine"
        flat |= dict(_leaves(f"{MACHINES}[{address}]", machine))
    return flat


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), child)
    else:
        yield path, value


def _masked(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_DIGEST):
        return MASK
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    return value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value) or "nothing"
    if isinstance(value, Mapping):
        return "{}" if not value else ", ".join(f"{name}={_shown(one)}" for name, one in value.items())
    return "nothing" if value == "" else str(value)

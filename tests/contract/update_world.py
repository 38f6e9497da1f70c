"""A cluster that stands, for the handlers that change it: made once an hour ago, copied for each test."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.contract.control_plane_order import ORDER
from tests.contract.control_plane_world import ControlPlaneWorld
from tests.contract.world import make_para
from tke_tui.core.bundle import Bundle
from tke_tui.core.handlers.ensure_cleanup import EnsureCleanup
from tke_tui.core.handlers.ensure_kubeadm import EnsureKubeadm
from tke_tui.core.handlers.ensure_kubelet import EnsureKubelet
from tke_tui.core.model.cluster import HA
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.lab.bundle import PACKAGES, make_packages, package_tarball
from tke_tui.lab.certificates import CA_OF, make_leaf
from tke_tui.lab.kubeadm import PKI

NEWER = "1.20.3"
AN_HOUR = 3600


def bundle_with_newer(root: Path) -> Bundle:
    """The bundle of the tests with a second, newer version of Kubernetes in it."""
    make_packages(root)
    path = root / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["kubernetes"].append({**manifest["kubernetes"][0], "version": NEWER})
    for name in ("kubernetes-node", "kubeadm"):
        version, members = PACKAGES[name]
        data = package_tarball(members, f"{name} v{NEWER} amd64")
        relative = f"res/linux-amd64/{name}-linux-amd64-v{NEWER}.tar.gz"
        (root / relative).write_bytes(data)
        manifest["files"][relative] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        manifest["packages"][name] = [version, f"v{NEWER}"]
    path.write_text(json.dumps(manifest))
    return Bundle.open(root)


def para_with(count: int = 2, *, ha: dict[str, Any] | None = None, **spec: Any) -> CreateClusterPara:
    """An input of `count` machines; `ha` as in documents, `spec` keys of `cluster.spec`."""
    para = make_para(count, **spec)
    para.config.ha = HA.model_validate(ha) if ha else None
    return para


@dataclass
class Standing:
    """Makes clusters of one or more machines that stand, once for each number."""

    base: Path
    bundle: Bundle
    known: dict[str, Any] = field(default_factory=dict)
    """Room for what tests find out about undisturbed runs, by name."""
    _made: dict[int, ControlPlaneWorld] = field(default_factory=dict)

    async def copy(self, base: Path, para: CreateClusterPara, machines: int) -> ControlPlaneWorld:
        """A cluster of the first `machines` machines of `para`, whose input is now `para`."""
        if machines not in self._made:
            directory = self.base / str(machines)
            directory.mkdir(parents=True)
            world = ControlPlaneWorld(directory, self.bundle, para_with(machines))
            await world.run_all((EnsureKubelet, EnsureKubeadm, *ORDER, EnsureCleanup))
            for machine in world.machines.values():
                _age(machine.root)
            self._made[machines] = world
        return self._made[machines].clone(base, para)


def _age(root: Path) -> None:
    for path in root.rglob("*"):
        moment = path.stat().st_mtime - AN_HOUR
        os.utime(path, (moment, moment))


def serials(world: ControlPlaneWorld, index: int = 0) -> dict[str, int]:
    """Serial numbers of the certificates below /etc/kubernetes/pki of a machine, by file."""
    machine = world.machines[world.para.machines[index].ip]
    found = {}
    for path in sorted(machine.path(PKI).rglob("*.crt")):
        name = path.relative_to(machine.path(PKI)).as_posix()
        found[name] = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
    return found


def let_end(world: ControlPlaneWorld, name: str, days: int, index: int = 0) -> None:
    """Put a certificate that ends in so many days in the place of one below /etc/kubernetes/pki."""
    machine = world.machines[world.para.machines[index].ip]
    ca, key = (machine.text(f"{PKI}/{CA_OF[name]}.{end}") for end in ("crt", "key"))
    pair = make_leaf(name, (), ca, key, 1, days)
    for end, pem in (("key", pair[1]), ("crt", pair[0])):
        machine.put(f"{PKI}/{name}.{end}", pem, mode=0o600)
        os.utime(machine.path(f"{PKI}/{name}.{end}"), (1, 1))  # older than every container


def changing_operations(
    world: ControlPlaneWorld, address: str
) -> tuple[Callable[[], list[int]], Callable[[], None]]:
    """(numbers, stop): `numbers()` tells, once a run has ended, which operations on a machine changed anything.

    A run that is broken off between two of them leaves what one leaves that is broken off at the first.
    """
    machine = world.machines[address]
    machine.operations = 0
    seen: list[Any] = []
    original = machine.count

    def print_of() -> Any:
        kept = {k: v for k, v in machine.facts.items() if k not in ("cluster",)}
        files = [
            (str(p), s.st_mtime_ns, s.st_size, s.st_mode) for p in machine.root.rglob("*") if (s := p.lstat())
        ]
        return sorted(files), repr(kept), repr(world.cluster.objects), repr(world.cluster.members)

    def count() -> bool:
        seen.append(print_of())
        return original()

    setattr(machine, "count", count)  # noqa: B010 - a method of this one object

    def numbers() -> list[int]:
        states = [*seen, print_of()]
        return [n + 1 for n, (before, after) in enumerate(pairwise(states)) if before != after]

    def stop() -> None:
        delattr(machine, "count")

    return numbers, stop

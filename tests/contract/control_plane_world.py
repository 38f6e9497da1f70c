"""Worlds for the handlers of the control plane: machines that share a model cluster, and its API."""

from __future__ import annotations

import copy
import dataclasses
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from tests.contract.world import World
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.kube_errors import ApiUnavailable
from tke_tui.core.context import Context, Mode, Services
from tke_tui.core.errors import NotReady
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.task import Scope, Task
from tke_tui.lab.kube.workloads import ready_status
from tke_tui.lab.kubeadm import MANIFESTS, ModelCluster, copy_of

CHAINS = ("KUBE-SVC-NPX46M4PTMTKRN6Y", "KUBE-MARK-MASQ")


class ModelApi:
    """The API of a model cluster in the words of `KubeClient`. Never waits: what is not so now is `NotReady`.

    Static pods of a machine with the fact `unreported` are not shown; a start of its kubelet takes the fact away.
    """

    def __init__(self, cluster: ModelCluster) -> None:
        self._cluster = cluster
        self.patches = 0
        self._renewals = 0

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        if not self._cluster.answers:
            raise ApiUnavailable("the API server cannot be reached")
        if kind == "Pod":
            return self._mirror(name)
        if kind == "Lease":
            return self._lease(name)
        found = copy.deepcopy(self._cluster.objects.get((kind, name, namespace or "")))
        if kind == "Node" and found is not None:
            found["status"] = self._node_status(name)
        if kind in ("Deployment", "DaemonSet") and found is not None:
            found["status"] = ready_status(found)
        return found

    async def list(self, api_version: str, kind: str, namespace: str | None = None) -> list[dict[str, Any]]:
        return [copy.deepcopy(obj) for key, obj in self._cluster.objects.items() if key[0] == kind]

    async def wait_rollout(self, kind: str, name: str, namespace: str, *, timeout: float = 600) -> None:
        if await self.get("apps/v1", kind, name, namespace) is None:
            raise NotReady(f"{kind} {name} did not roll out", detail="it does not exist")

    def _lease(self, node: str) -> dict[str, Any] | None:
        """Renewed at every look, unless the machine's facts say `kubelet_dies`."""
        if not self._cluster.machines[node].facts.get("kubelet_dies"):
            self._renewals += 1
        return {"spec": {"renewTime": str(self._renewals)}}

    def _node_status(self, node: str) -> dict[str, Any]:
        """Ready, with the version of the kubelet that is installed."""
        path = self._cluster.machines[node].path("/usr/bin/kubelet")
        version = re.search(r"v\d+\.\d+\.\d+", path.read_text()) if path.is_file() else None
        return {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": version[0] if version else "v1.20.2"},
        }

    def _mirror(self, name: str) -> dict[str, Any] | None:
        component, _, node = name.rpartition("-")
        machine = self._cluster.machines[node]
        path = machine.path(f"{MANIFESTS}/{component}.yaml")
        if (
            not path.is_file()
            or component in machine.facts.get("dead", ())
            or machine.facts.get("unreported")
        ):
            return None
        metadata = yaml.safe_load(path.read_text())["metadata"]
        return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    async def patch(
        self, api_version: str, kind: str, name: str, patch: dict[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        self.patches += 1
        live = self._cluster.objects[(kind, name, namespace or "")]
        _merge(live, patch)
        return copy.deepcopy(live)

    async def wait_for(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        ready: Any,
        *,
        timeout: float,
        what: str,
    ) -> dict[str, Any]:
        found = await self.get(api_version, kind, name, namespace)
        verdict = ready(found)
        if verdict is not True:
            raise NotReady(f"{kind} {name} was not ready (waiting for {what})", detail=str(verdict))
        return found or {}

    async def wait_healthy(self, timeout: float = 300) -> None:
        if not self._cluster.answers:
            raise NotReady("The API server did not become healthy", detail="no answer")

    async def get_raw(self, path: str) -> tuple[int, str]:
        if not self._cluster.answers:
            raise ApiUnavailable("the API server cannot be reached")
        return 200, "ok"


def _merge(live: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(live.get(key), dict):
            _merge(live[key], value)
        else:
            live[key] = copy.deepcopy(value)


@dataclass
class ControlPlaneWorld(World):
    """A world whose machines form `cluster`, with `api` in front of it."""

    cluster: ModelCluster = field(default_factory=ModelCluster)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.api = ModelApi(self.cluster)
        for address, machine in self.machines.items():
            self.cluster.machines[address] = machine
            machine.facts |= {"cluster": self.cluster, "chains": CHAINS}
            machine.put("/usr/bin/kubectl", "")
            for unit in ("kubelet.service", "docker.service"):
                machine.put(f"/etc/systemd/system/{unit}", "[Service]\n")
        for name in ("ca.crt", "admin.crt", "admin.key"):
            (self.directory.pki / name).write_text(f"{name}\n")

    async def _kube(self) -> KubeClient:
        self.secrets.require("cluster/ca.crt")
        return cast(KubeClient, self.api)

    def services(self) -> Services:
        return dataclasses.replace(super().services(), kube=self._kube)

    async def run_on(self, task: Task, machine: Machine | None, mode: Mode = Mode.RUN) -> Context:
        context = self.context(task, mode, machine)
        await task.run(context)
        return context

    async def run_all(self, tasks: Sequence[type[Task]]) -> None:
        """Run handlers to their end on all their machines, left out ones excepted, and remember that they did."""
        for kind in tasks:
            task = kind()
            if task.left_out(self.para) is not None:
                continue
            on_cluster = task.scope is Scope.CLUSTER
            targets: list[Machine | None] = [None] if on_cluster else [*task.machines(self.para)]
            for machine in targets:
                await self.run_on(task, machine)
                self.done.add((task.name, machine.ip if machine else ""))
                self.register_first()

    def register_first(self) -> None:
        """kubelet of the first machine registers itself once the API answers."""
        if ("Node", self.para.first.ip, "") not in self.cluster.objects and self.cluster.answers:
            labels = {"kubernetes.io/hostname": self.para.first.ip}
            self.cluster.put("Node", self.para.first.ip, metadata={"labels": labels, "resourceVersion": "1"})

    def clone(self, base: Path, para: CreateClusterPara | None = None) -> ControlPlaneWorld:
        """An independent copy of everything: machines, cluster, secrets."""
        base.mkdir(parents=True, exist_ok=True)
        other = ControlPlaneWorld(base, self.bundle, para or self.para, cluster=copy_of(self.cluster))
        other.done = set(self.done)
        other.secrets.update({name: self.secrets.require(name) for name in self.secrets})
        for address, machine in self.machines.items():
            twin = other.machines[address]
            shutil.copytree(machine.root, twin.root, dirs_exist_ok=True)
            twin.facts = {k: v if k == "cluster" else copy.deepcopy(v) for k, v in machine.facts.items()}
            twin.facts["cluster"] = other.cluster
        return other

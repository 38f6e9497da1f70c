"""What the machines of the embedded lab share once they form a cluster: stored objects, API servers, kubelets.

Each control plane has an API server of its own, on port 6443 of its machine, with the certificate that kubeadm wrote
there; all of them stand before one store, as real ones stand before etcd.
"""

from __future__ import annotations

import csv
import re
import ssl
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field

from aiohttp import web

from tke_tui.core.handlers import keepalived
from tke_tui.core.handlers.vip_rules import API_SERVER_CHAIN
from tke_tui.core.kubeadm.expiry import KUBELET_CLIENT
from tke_tui.core.kubeadm.files import KUBELET_CONF
from tke_tui.core.kubeadm.settings import KNOWN_TOKENS
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.yaml_text import load_yaml
from tke_tui.lab.certificates import make_leaf
from tke_tui.lab.kube.api import key_of
from tke_tui.lab.kube.kinds import KINDS, Object
from tke_tui.lab.kube.server import KubeServer
from tke_tui.lab.kube.store import Key, Store
from tke_tui.lab.kube.workloads import ready_status
from tke_tui.lab.kubeadm import MANIFESTS, PKI, ModelCluster
from tke_tui.lab.kubeadm import Key as NamedKey
from tke_tui.lab.leases import Leases
from tke_tui.lab.machine import ModelMachine
from tke_tui.lab.pods import add_daemon, sync_pods

STATIC_PODS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "keepalived")
_VIRTUAL_ADDRESS = re.compile(r"virtual_ipaddress \{\s*(\S+)")
_CHAINS = (API_SERVER_CHAIN, "KUBE-MARK-MASQ")
"""What kube-proxy makes of the service of the API servers."""
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class StoredObjects(MutableMapping[NamedKey, Object]):
    """The store in the words of the kubeadm model: (kind, name, namespace) -> object."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _key(self, key: NamedKey) -> Key:
        kind, name, namespace = key
        version = next(version for version, kinds in KINDS.items() if kind in kinds)
        return version, kind, namespace, name

    def __getitem__(self, key: NamedKey) -> Object:
        found = self._store.objects.get(self._key(key))
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: NamedKey, value: Object) -> None:
        stored = self._key(key)
        version, _, namespace, name = stored
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        obj = {"apiVersion": version, **value, "metadata": {**value.get("metadata", {}), **metadata}}
        self._store.write(stored, obj)
        if version == "apps/v1":
            status = ready_status(obj, self._store.count("v1", "Node"))
            sync_pods(self._store, self._store.write(stored, {**obj, "status": status}))

    def __delitem__(self, key: NamedKey) -> None:
        if self._store.remove(self._key(key)) is None:
            raise KeyError(key)

    def __iter__(self) -> Iterator[NamedKey]:
        return iter([(kind, name, namespace) for _, kind, namespace, name in self._store.objects])

    def __len__(self) -> int:
        return len(self._store.objects)


@dataclass
class LabCluster(ModelCluster):
    """A cluster with real API servers. `settle(machine)` does what kubelet does there; call it after each command."""

    store: Store = field(default_factory=Store)
    servers: dict[str, KubeServer] = field(default_factory=dict)
    opens: Callable[[str, int], tuple[str, int]] = lambda address, port: (address, port)
    """Where the server that begins to listen on a machine's port does so on this host."""
    virtual: KubeServer | None = None
    """What answers on the VIP, where there is one."""
    _reported: set[str] = field(default_factory=set)
    _manifests: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    """By which file each static pod was reported last: inode, time of change, size."""
    _registered: dict[str, Object] = field(default_factory=dict)
    """Nodes as kubelet left them last."""

    def __post_init__(self) -> None:
        self.objects = StoredObjects(self.store)
        self.leases = Leases(self.store, _kubelet_runs)

    async def close(self) -> None:
        await self.leases.close()
        for server in (*self.servers.values(), self.virtual):
            if server is not None:
                await server.stop()

    @property
    def asked(self) -> int:
        """How many requests its API servers were sent so far."""
        servers = [*self.servers.values(), *([self.virtual] if self.virtual else [])]
        return sum(len(server.requests) for server in servers)

    async def settle(self, machine: ModelMachine) -> None:
        """Start what the manifests of a machine ask for, and report it, if its kubelet runs."""
        if not _kubelet_runs(machine) or not machine.path(f"{MANIFESTS}/kube-apiserver.yaml").is_file():
            return
        if not self.answers:
            return
        if machine.address not in self.servers:
            await self._start_server(machine)
        await self._hold_virtual_address(machine)
        self._log_in(machine)
        self._register(machine)
        self.leases.look(machine)
        self._report(machine)
        if machine.address not in self._reported:
            self._reported.add(machine.address)
            self._spread(machine)

    async def _start_server(self, machine: ModelMachine) -> None:
        server = self.servers[machine.address] = LabApiServer(machine, self)
        for name in NAMESPACES:
            if server.find("Namespace", name) is None:
                await server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        host, port = self.opens(machine.address, API_SERVER_PORT)
        await server.start(port, host=host)

    async def _hold_virtual_address(self, machine: ModelMachine) -> None:
        """The first machine with keepalived answers on the VIP, too."""
        if self.virtual is not None or not machine.path(f"{MANIFESTS}/keepalived.yaml").is_file():
            return
        found = _VIRTUAL_ADDRESS.search(machine.text(keepalived.CONFIGURATION))
        if found is not None:
            self.virtual = LabApiServer(machine, self)
            host, port = self.opens(found[1], API_SERVER_PORT)
            await self.virtual.start(port, host=host)

    def _log_in(self, machine: ModelMachine) -> None:
        """kubelet gets itself a certificate, and renews that one instead of the first it was given."""
        if machine.path(KUBELET_CLIENT).is_file() or not machine.path(KUBELET_CONF).is_file():
            return
        ca, key = (machine.text(f"{PKI}/ca.{end}") for end in ("crt", "key"))
        machine.put(KUBELET_CLIENT, "".join(make_leaf("kubelet.conf", (), ca, key)), mode=0o600)

    def _register(self, machine: ModelMachine) -> None:
        if ("Node", machine.address, "") not in self.objects:
            self.put(
                "Node", machine.address, metadata={"labels": {"kubernetes.io/hostname": machine.address}}
            )
        key = ("v1", "Node", "", machine.address)
        if self.store.objects[key] is self._registered.get(machine.address):
            return
        node = self.store.get(key)
        assert node is not None
        node.setdefault("spec", {})
        node["status"] = {
            **node.get("status", {}),
            "addresses": [{"type": "InternalIP", "address": machine.address}],
            "capacity": {"cpu": machine.facts["cpus"], "memory": "32Gi", "pods": "256"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {
                "kubeletVersion": "v1.20.2",
                "osImage": "embedded lab",
                "containerRuntimeVersion": "docker://20.10.24",
                "kernelVersion": "5.10.0",
                "architecture": "amd64",
                "operatingSystem": "linux",
            },
        }
        self.store.write(key, node)
        self._registered[machine.address] = self.store.objects[key]

    def _spread(self, machine: ModelMachine) -> None:
        """DaemonSets get a pod on a new node; on the first one, everything else that found none so far, too."""
        server, first = self.servers[machine.address], self.store.count("v1", "Node") == 1
        for kind in KINDS["apps/v1"]:
            for workload in self.store.view("apps/v1", kind, None):
                if first:
                    server.control(workload)
                elif kind == "DaemonSet":
                    KubeServer.control(server, workload)
                    add_daemon(self.store, workload, machine.address)

    def _report(self, machine: ModelMachine) -> None:
        """Mirror pods of the static pods, and the rules of kube-proxy."""
        if ("DaemonSet", "kube-proxy", "kube-system") in self.objects:
            machine.facts["chains"] = _CHAINS
        for component in STATIC_PODS:
            path = machine.path(f"{MANIFESTS}/{component}.yaml")
            key = ("v1", "Pod", "kube-system", f"{component}-{machine.address}")
            if not path.is_file():
                self.store.remove(key)
                continue
            file = path.stat()
            mark = (file.st_ino, file.st_mtime_ns, file.st_size)
            if self._manifests.get(key) == mark and key in self.store.objects:
                continue
            self._manifests[key] = mark
            pod = load_yaml(path.read_text())
            pod |= {"apiVersion": "v1", "kind": "Pod"}
            pod["metadata"] |= {"name": key[3], "namespace": key[2]}
            pod["spec"]["nodeName"] = machine.address
            pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            self.store.write(key, pod)


class LabApiServer(KubeServer):
    """The API server of one control plane: TLS and logins from the files of its machine."""

    def __init__(self, machine: ModelMachine, cluster: LabCluster) -> None:
        ca, certificate, key = (
            machine.text(f"{PKI}/{name}") for name in ("ca.crt", "apiserver.crt", "apiserver.key")
        )
        super().__init__(
            store=cluster.store,
            certificates=(ca, certificate, key),
            nodes=lambda: cluster.store.count("v1", "Node"),
        )
        self._machine = machine

    def authenticated(self, request: web.Request) -> bool:
        """By a certificate of the cluster's CA, or by a token of the machine's token file."""
        if request.transport is not None and request.transport.get_extra_info("peercert"):
            return True
        path = self._machine.path(KNOWN_TOKENS)
        rows = csv.reader(path.read_text().splitlines()) if path.is_file() else ()
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return any(row and row[0] == given for row in rows)

    def control(self, obj: Object) -> None:
        super().control(obj)
        current = self.store.get(key_of(obj))
        if current is not None:
            sync_pods(self.store, current)

    def _ssl(self) -> ssl.SSLContext:
        context = super()._ssl()
        context.load_verify_locations(cadata=self.ca_pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def _kubelet_runs(machine: ModelMachine) -> bool:
    return "kubelet.service" in machine.facts.get("systemd", {}).get("active", ())

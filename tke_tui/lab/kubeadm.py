"""What kubeadm 1.20 does to a machine and to the cluster, as far as the handlers can tell.

Faithful in what makes a repetition hard: it keeps certificates that are whole and refuses torn pairs, refuses
kubeconfigs of another server, needs a living token and living uploaded certificates to join, refuses to start kubelet
for a node that is ready, and announces an etcd member before it starts it.
"""

from __future__ import annotations

import base64
import copy
import datetime
import json
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tke_tui.core.kubeadm.expiry import KUBELET_CLIENT
from tke_tui.core.yaml_text import dump_yaml, load_all_yaml, load_yaml
from tke_tui.lab.certificates import CA_OF, make_ca, make_leaf
from tke_tui.lab.machine import ModelMachine, Reply
from tke_tui.lab.static_pods import made_at

PKI = "/etc/kubernetes/pki"
MANIFESTS = "/etc/kubernetes/manifests"
LEAVES = (
    "apiserver",
    "apiserver-kubelet-client",
    "front-proxy-client",
    "apiserver-etcd-client",
    "etcd/server",
    "etcd/peer",
    "etcd/healthcheck-client",
)
CAS = ("ca", "front-proxy-ca", "etcd/ca")
SHARED = (*(f"{ca}.{end}" for ca in CAS for end in ("crt", "key")), "sa.key", "sa.pub")

Key = tuple[str, str, str]


class Refused(Exception):
    """kubeadm ends with exit code 1 and this text."""


@dataclass
class ModelCluster:
    """What all machines share: API objects by (kind, name, namespace) and the etcd members by machine."""

    objects: MutableMapping[Key, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    """machine -> member name, "" until it has started."""
    machines: dict[str, ModelMachine] = field(default_factory=dict)
    vip_up: bool = True
    break_etcd_join: bool = False
    """The next etcd join ends after the announcement."""

    def start_etcd(self) -> None:
        """kubelet starts the members whose manifest names them."""
        if "" not in self.members.values():
            return
        for address, machine in self.machines.items():
            if self.members.get(address) != "":
                continue
            path = machine.path(f"{MANIFESTS}/etcd.yaml")
            if path.is_file() and f"{address}=https://{address}:2380" in path.read_text():
                self.members[address] = address

    @property
    def has_quorum(self) -> bool:
        names = list(self.members.values())
        return len(names) - names.count("") > len(names) // 2

    @property
    def answers(self) -> bool:
        """True when the first machine's API server is up."""
        self.start_etcd()
        first = next(iter(self.machines.values()))
        return self.has_quorum and first.path(f"{MANIFESTS}/kube-apiserver.yaml").is_file()

    def put(self, kind: str, name: str, namespace: str = "", **content: Any) -> None:
        metadata = {"name": name, **content.pop("metadata", {})}
        self.objects[(kind, name, namespace)] = {"kind": kind, "metadata": metadata, **content}

    def expire_join_secrets(self) -> None:
        """Two hours and a day later: the token cleaner has been there."""
        for key in [key for key in self.objects if key[0] == "Secret"]:
            del self.objects[key]


def kubeadm(machine: ModelMachine, argv: Sequence[str], stdin: bytes) -> Reply | None:
    """`kubeadm init|join phase …`; `certs` and `upgrade` are in `commands.update`."""
    if argv[0] not in ("init", "join") or argv[1] != "phase":
        return None
    cluster: ModelCluster = machine.facts["cluster"]
    words = [word for word in argv[2:] if not word.startswith("-")]
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in argv[2:] if word.startswith("-"))
    config = machine.path(flags["config"])
    if config.stat().st_mode & 0o077:
        return Reply(1, "", "model: the configuration holds secrets and can be read by others\n")
    documents = {d["kind"]: d for d in load_all_yaml(config.read_text())}
    phase = Phase(machine, cluster, documents, patches_of(machine, flags.get("experimental-patches", "")))
    try:
        (_INIT if argv[0] == "init" else _JOIN)[" ".join(words)](phase)
    except Refused as error:
        return Reply(1, "", f"error execution phase {' '.join(words)}: {error}\n")
    return Reply(0, f"[{words[0]}] done\n")


@dataclass
class Phase:
    machine: ModelMachine
    cluster: ModelCluster
    documents: dict[str, dict[str, Any]]
    patches: dict[str, dict[str, str]]

    @property
    def node(self) -> str:
        return self.machine.address

    @property
    def configuration(self) -> dict[str, Any]:
        if "ClusterConfiguration" in self.documents:
            return self.documents["ClusterConfiguration"]
        stored = self.cluster.objects[("ConfigMap", "kubeadm-config", "kube-system")]
        return dict(load_yaml(stored["data"]["ClusterConfiguration"]))

    # --- parts that init and join share ---

    def certificates(self) -> None:
        api, etcd = self.configuration["apiServer"], self.configuration["etcd"]["local"]
        names = {
            "apiserver": (*api["certSANs"], self.node),
            "etcd/server": (*etcd["serverCertSANs"], self.node, "localhost"),
            "etcd/peer": (self.node, "localhost"),
        }
        for name in (*CAS, *LEAVES):
            self.pair(name, tuple(sorted(set(names.get(name, ())))))
        for file in ("sa.key", "sa.pub"):
            if not self.machine.path(f"{PKI}/{file}").is_file():
                self.machine.put(f"{PKI}/{file}", f"{file}\n", mode=0o600)

    def pair(self, name: str, names: tuple[str, ...]) -> None:
        certificate, key = (self.machine.path(f"{PKI}/{name}.{end}") for end in ("crt", "key"))
        if certificate.is_file() != key.is_file():
            raise Refused(f"failure loading {name} certificate")
        if not certificate.is_file():
            pem = self._made(name, names)
            self.machine.put(f"{PKI}/{name}.key", pem[1], mode=0o600)
            self.machine.put(f"{PKI}/{name}.crt", pem[0])

    def _made(self, name: str, names: tuple[str, ...]) -> tuple[str, str]:
        if name in CAS:
            return make_ca(name)
        ca, key = (self.machine.text(f"{PKI}/{CA_OF[name]}.{end}") for end in ("crt", "key"))
        try:
            return make_leaf(name, names, ca, key)
        except ValueError as error:
            raise Refused(f"failure loading {CA_OF[name]} certificate: {error}") from None

    def kubeconfig(self, file: str, server: str, user: dict[str, str] | None = None) -> None:
        """With a certificate of its own for the user, unless another login is given."""
        path = self.machine.path(f"/etc/kubernetes/{file}")
        if path.is_file():
            if load_yaml(path.read_text())["clusters"][0]["cluster"]["server"] != server:
                raise Refused(
                    f'a kubeconfig file "{file}" exists already but has got the wrong API Server URL'
                )
            return
        ca = base64.b64encode(self.machine.path(f"{PKI}/ca.crt").read_bytes()).decode()
        cluster = {"server": server, "certificate-authority-data": ca}
        document = {
            "clusters": [{"name": "global", "cluster": cluster}],
            "users": [login(self.machine, file) if user is None else {"name": file, "user": user}],
        }
        self.machine.put(f"/etc/kubernetes/{file}", dump_yaml(document), mode=0o600)

    def kubeconfigs(self) -> None:
        endpoint = f"https://{self.configuration['controlPlaneEndpoint']}"
        self.kubeconfig("admin.conf", endpoint)
        for file in ("controller-manager.conf", "scheduler.conf"):
            self.kubeconfig(file, f"https://{self.node}:6443")

    def static_pod(self, component: str, command: list[str]) -> None:
        annotations = self.patches.get(component, {})
        container: dict[str, Any] = {"name": component, "command": [component, *command]}
        if component != "etcd":
            container["image"] = f"registry/{component}:{self.configuration['kubernetesVersion']}"
            container["livenessProbe"] = {"httpGet": {"path": "/healthz", "port": 10257, "scheme": "HTTPS"}}
        pod = {
            "kind": "Pod",
            "metadata": {"name": component, "annotations": dict(annotations)},
            "spec": {"containers": [container]},
        }
        path = f"{MANIFESTS}/{component}.yaml"
        kubelet_runs = "kubelet.service" in self.machine.facts.get("systemd", {}).get("active", ())
        if self.machine.path(path).is_file() and kubelet_runs:
            made_at(self.machine, component)
        self.machine.put(path, dump_yaml(pod), mode=0o600)
        if kubelet_runs:
            made_at(self.machine, component)

    def static_pods(self, *only: str) -> None:
        for component, section in (
            ("kube-apiserver", "apiServer"),
            ("kube-controller-manager", "controllerManager"),
            ("kube-scheduler", "scheduler"),
        ):
            if only and component not in only:
                continue
            args = self.configuration[section].get("extraArgs", {})
            self.static_pod(component, [f"--{key}={value}" for key, value in sorted(args.items())])

    def etcd_pod(self, cluster: str) -> None:
        self.static_pod(
            "etcd",
            [
                f"--advertise-client-urls=https://{self.node}:2379",
                f"--initial-cluster={cluster}",
                f"--name={self.node}",
            ],
        )

    def kubelet(self, registration: dict[str, Any]) -> bool:
        """Write its configuration and start it; False when it does not come up."""
        flags = " ".join(f"--{k}={v}" for k, v in sorted(registration["kubeletExtraArgs"].items()))
        self.machine.put("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n")
        self.machine.put("/var/lib/kubelet/kubeadm-flags.env", f'KUBELET_KUBEADM_ARGS="{flags}"\n')
        return self.machine.execute(["systemctl", "start", "kubelet.service"]).exit_code == 0

    def api(self) -> None:
        if not self.cluster.answers:
            raise Refused("etcdserver: request timed out")
        if not self.cluster.vip_up:
            raise Refused(f"dial tcp {self.configuration['controlPlaneEndpoint']}: connect: no route to host")

    # --- init ---

    def init_kubelet(self) -> None:
        self.kubelet(self.documents["InitConfiguration"]["nodeRegistration"])

    def init_kubeconfig(self) -> None:
        self.kubeconfigs()
        self.kubeconfig("kubelet.conf", f"https://{self.configuration['controlPlaneEndpoint']}")

    def kubelet_login(self) -> None:
        self.kubeconfig("kubelet.conf", f"https://{self.configuration['controlPlaneEndpoint']}")

    def api_server_certificate(self) -> None:
        names = {*self.configuration["apiServer"]["certSANs"], self.node}
        self.pair("apiserver", tuple(sorted(names)))

    def init_etcd(self) -> None:
        self.etcd_pod(f"{self.node}=https://{self.node}:2380")
        self.cluster.members.setdefault(self.node, "")

    def upload_config(self) -> None:
        self.api()
        key = ("ConfigMap", "kubeadm-config", "kube-system")
        old = self.cluster.objects.get(key, {"data": {}})["data"].get("ClusterStatus", "apiEndpoints: {}")
        status = load_yaml(old)
        status["apiEndpoints"][self.node] = {"advertiseAddress": self.node}
        data = {
            "ClusterConfiguration": dump_yaml(self.configuration),
            "ClusterStatus": dump_yaml(status),
        }
        self.cluster.put("ConfigMap", "kubeadm-config", "kube-system", data=data)
        self.cluster.put("ConfigMap", "kubelet-config-1.20", "kube-system", data={})

    def upload_certs(self) -> None:
        self.api()
        self.cluster.put("Secret", "bootstrap-token-certs0", "kube-system", data=_expiring(2))
        owner = {"kind": "Secret", "name": "bootstrap-token-certs0"}
        key = self.documents["InitConfiguration"]["certificateKey"]
        content = {file: self.machine.text(f"{PKI}/{file}") for file in SHARED}
        self.cluster.put(
            "Secret",
            "kubeadm-certs",
            "kube-system",
            metadata={"ownerReferences": [owner]},
            data=content,
            key=key,
        )

    def bootstrap_token(self) -> None:
        self.api()
        token = self.documents["InitConfiguration"]["bootstrapTokens"][0]
        assert token["ttl"] == "24h0m0s"
        name = f"bootstrap-token-{token['token'].partition('.')[0]}"
        self.cluster.put("Secret", name, "kube-system", data=_expiring(24), token=token["token"])
        admin = self.machine.text("/etc/kubernetes/admin.conf")
        self.cluster.put("ConfigMap", "cluster-info", "kube-public", data={"kubeconfig": admin})

    def addon(self) -> None:
        self.api()
        self.cluster.put(
            "DaemonSet", "kube-proxy", "kube-system", spec=self.workload("kube-proxy", "kube-proxy")
        )
        dns = self.workload("coredns", "kube-dns") | {"replicas": 2}
        self.cluster.put("Deployment", "coredns", "kube-system", spec=dns)

    def workload(self, name: str, label: str) -> dict[str, Any]:
        labels = {"k8s-app": label}
        container = {"name": name, "image": f"{self.configuration['imageRepository']}/{name}"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        return {"selector": {"matchLabels": labels}, "template": template}

    # --- join ---

    def discover(self) -> None:
        self.api()
        join = self.documents["JoinConfiguration"]
        token = join["discovery"]["bootstrapToken"]["token"]
        secret = self.cluster.objects.get(
            ("Secret", f"bootstrap-token-{token.partition('.')[0]}", "kube-system")
        )
        if secret is None or secret["token"] != token:
            raise Refused("could not find a JWS signature in the cluster-info ConfigMap for token ID")
        if not join["discovery"]["bootstrapToken"]["caCertHashes"]:
            raise Refused("unsafe discovery")

    def join_preflight(self) -> None:
        self.discover()
        taken = [name for name in ("kube-apiserver", "etcd") if self._has(f"{MANIFESTS}/{name}.yaml")]
        if taken or self._has("/etc/kubernetes/kubelet.conf"):
            raise Refused(f"[ERROR FileAvailable--etc-kubernetes-manifests]: {taken} already exists")

    def join_prepare(self) -> None:
        self.discover()
        secret = self.cluster.objects.get(("Secret", "kubeadm-certs", "kube-system"))
        if secret is None:
            raise Refused(
                'error downloading certs: Secret "kubeadm-certs" was not found in the "kube-system"'
            )
        if secret["key"] != self.documents["JoinConfiguration"]["controlPlane"]["certificateKey"]:
            raise Refused("error decoding secret data with provided key")
        for file, text in secret["data"].items():
            self.machine.put(f"{PKI}/{file}", text, mode=0o600 if file.endswith(".key") else 0o644)
        self.certificates()
        self.kubeconfigs()
        self.static_pods()

    def join_kubelet(self) -> None:
        self.discover()
        if ("Node", self.node, "") in self.cluster.objects:
            raise Refused(f'a Node with name "{self.node}" and status "Ready" already exists in the cluster')
        endpoint = f"https://{self.configuration['controlPlaneEndpoint']}"
        self.kubeconfig(
            "kubelet.conf", endpoint, {"client-certificate": KUBELET_CLIENT, "client-key": KUBELET_CLIENT}
        )
        if not self.kubelet(self.documents["JoinConfiguration"]["nodeRegistration"]):
            raise Refused("timed out waiting for the condition: the kubelet isn't running or healthy")
        annotation = {"kubeadm.alpha.kubernetes.io/cri-socket": "/var/run/dockershim.sock"}
        labels = {"kubernetes.io/hostname": self.node}
        self.cluster.put("Node", self.node, metadata={"annotations": annotation, "labels": labels})

    def join_etcd(self) -> None:
        self.discover()
        known = dict(self.cluster.members)
        self.cluster.members.setdefault(self.node, "")
        if self.cluster.break_etcd_join:
            self.cluster.break_etcd_join = False
            raise Refused("context deadline exceeded")
        named = known if self.node in known else {**known, self.node: self.node}
        self.etcd_pod(",".join(f"{name}=https://{ip}:2380" for ip, name in named.items()))
        self.cluster.start_etcd()
        if not self.cluster.members[self.node]:
            raise Refused("timeout waiting for etcd cluster to be available")

    def _has(self, path: str) -> bool:
        return self.machine.path(path).is_file()


_INIT: dict[str, Callable[[Phase], None]] = {
    "kubelet-start": Phase.init_kubelet,
    "certs all": Phase.certificates,
    "certs apiserver": Phase.api_server_certificate,
    "kubeconfig all": Phase.init_kubeconfig,
    "kubeconfig kubelet": Phase.kubelet_login,
    "control-plane all": Phase.static_pods,
    "control-plane apiserver": lambda phase: phase.static_pods("kube-apiserver"),
    "control-plane controller-manager": lambda phase: phase.static_pods("kube-controller-manager"),
    "control-plane scheduler": lambda phase: phase.static_pods("kube-scheduler"),
    "etcd local": Phase.init_etcd,
    "upload-config all": Phase.upload_config,
    "upload-certs": Phase.upload_certs,
    "bootstrap-token": Phase.bootstrap_token,
    "addon all": Phase.addon,
}
_JOIN: dict[str, Callable[[Phase], None]] = {
    "preflight": Phase.join_preflight,
    "control-plane-prepare all": Phase.join_prepare,
    "kubelet-start": Phase.join_kubelet,
    "control-plane-join etcd": Phase.join_etcd,
    "control-plane-join update-status": Phase.upload_config,
}


def login(machine: ModelMachine, file: str, serial: int = 1, days: int = 365) -> dict[str, Any]:
    """The user of the kubeconfig `file`, with a certificate of its own in it, signed by the machine's CA."""
    ca, key = (machine.text(f"{PKI}/ca.{end}") for end in ("crt", "key"))
    pair = make_leaf(file, (), ca, key, serial, days)
    data = [base64.b64encode(pem.encode()).decode() for pem in pair]
    return {"name": file, "user": {"client-certificate-data": data[0], "client-key-data": data[1]}}


def patches_of(machine: ModelMachine, directory: str) -> dict[str, dict[str, str]]:
    found = {}
    for path in machine.path(directory).glob("*+merge.yaml") if directory else ():
        patch = load_yaml(path.read_text())
        found[path.name.removesuffix("+merge.yaml")] = patch["metadata"]["annotations"]
    return found


def _expiring(hours: int) -> dict[str, str]:
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    return {"expiration": base64.b64encode(end.strftime("%Y-%m-%dT%H:%M:%SZ").encode()).decode()}


def member_list(cluster: ModelCluster) -> str:
    """`etcdctl member list --write-out=json`; a member that has not started has no name."""
    cluster.start_etcd()
    members = [
        {"ID": number, "peerURLs": [f"https://{ip}:2380"], **({"name": name} if name else {})}
        for number, (ip, name) in enumerate(cluster.members.items(), 1)
    ]
    return json.dumps({"members": members})


def copy_of(cluster: ModelCluster) -> ModelCluster:
    """The same cluster for another set of machines, which the caller enters."""
    return ModelCluster(copy.deepcopy(cluster.objects), dict(cluster.members), {}, cluster.vip_up)

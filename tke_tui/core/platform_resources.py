"""The cluster as the platform knows it: a Cluster and its ClusterCredential of platform.tkestack.io/v1.

Values of byte fields are base64. A Cluster holds the machines' logins, so both objects are secret.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tke_tui.core.kube_objects import Object
from tke_tui.core.kubeadm.credentials import BOOTSTRAP_TOKEN, CA_CERT, CERTIFICATE_KEY, TOKEN
from tke_tui.core.model.cluster import API_VERSION, KIND
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.model.para import API_SERVER_PORT

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara

CREDENTIAL_KIND = "ClusterCredential"
CREDENTIAL_NAME = "cc-global"
GROUP = API_VERSION.partition("/")[0]

CREDENTIAL_BYTES = {
    "caCert": CA_CERT,
    "caKey": "cluster/ca.key",
    "etcdCACert": "cluster/etcd-ca.crt",
    "etcdCAKey": "cluster/etcd-ca.key",
    "etcdAPIClientCert": "cluster/apiserver-etcd-client.crt",
    "etcdAPIClientKey": "cluster/apiserver-etcd-client.key",
}
CREDENTIAL_TEXTS = {"token": TOKEN, "bootstrapToken": BOOTSTRAP_TOKEN, "certificateKey": CERTIFICATE_KEY}
"""Field of the credential -> name of the installation's secret."""

_OUR_EXTENSIONS = ("hostKey", "bastion", "sudoPassword")
_LEFT_TO_THE_PLATFORM = ("machines", "version", "finalizers")
_OURS_AS_A_WHOLE = (
    "publicAlternativeNames",
    "apiServerExtraArgs",
    "controllerManagerExtraArgs",
    "schedulerExtraArgs",
    "kubeletExtraArgs",
)
"""Fields that an update can make smaller."""

FINALIZE = "finalize"
"""Subresource of a Cluster by which its spec is written as it is said.

By the Cluster itself the platform's API takes another version for an order to upgrade (TKEStack from 1.3 on), another
number of machines for one to scale (from 1.5 on), and refuses other arguments: the strategies of `registry/cluster`.
"""
HELD = "Updating"
"""A phase of a Cluster that the platform does not know: its controller does nothing to a cluster in such a phase.

In `Running` it takes every machine to the version of the spec, up or down, again and again (TKEStack 1.3 and 1.4:
`EnsureUpgradeControlPlaneNode` is among the update handlers).
"""
IDLE = ("", "Running", "Failed", HELD)
"""Phases in which the platform changes no machines because somebody told it to."""


def credential(para: CreateClusterPara, secrets: Mapping[str, str]) -> Object:
    """The ClusterCredential; `secrets` has every name of the two tables above."""
    return {
        "apiVersion": API_VERSION,
        "kind": CREDENTIAL_KIND,
        "metadata": {"name": CREDENTIAL_NAME},
        "tenantID": para.cluster.spec.tenant_id,
        "clusterName": para.cluster.metadata.name,
        **{field: _b64(secrets[name]) for field, name in CREDENTIAL_BYTES.items()},
        **{field: secrets[name] for field, name in CREDENTIAL_TEXTS.items()},
    }


def cluster(para: CreateClusterPara) -> Object:
    """The Cluster without its status: what was asked for, and which credential belongs to it."""
    given = dump_para(para, secrets="reveal")["cluster"]
    network = ClusterNetwork.from_spec(para.cluster.spec)
    spec = given["spec"]
    for machine in spec["machines"]:
        for name in _OUR_EXTENSIONS:
            machine.pop(name, None)
    metadata = copy.deepcopy(given["metadata"])
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        f"{GROUP}/gpu-quota-admission-ip": network.gpu_quota_ip,
        f"{GROUP}/galaxy-ipam-ip": network.galaxy_ipam_ip,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {**spec, "clusterCredentialRef": {"name": CREDENTIAL_NAME}},
    }


def status(para: CreateClusterPara, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    """Status of the Cluster: in any other phase than Running the platform would begin to set its machines up.

    `conditions` are those of the handlers that made it.
    """
    network = ClusterNetwork.from_spec(para.cluster.spec)
    addresses = [
        {"type": "Real", "host": str(machine.ip), "port": API_SERVER_PORT, "path": ""}
        for machine in para.machines
    ]
    if para.advertise is not None:
        host, port = para.advertise
        addresses.append({"type": "Advertise", "host": host, "port": port, "path": ""})
    return {
        "phase": "Running",
        "version": para.cluster.spec.version,
        "conditions": conditions,
        "addresses": addresses,
        "serviceCIDR": network.service_cidr,
        "nodeCIDRMaskSize": network.node_cidr_mask_size,
        "dnsIP": network.dns_ip,
    }


def update_of(obj: Object) -> Object:
    """A merge patch that brings a Cluster or ClusterCredential that is there up to date.

    Another number of machines makes the platform scale the cluster, another version upgrades it: once the platform
    has the cluster, both are left alone by an installer that is run again. `spec_update` writes them.
    """
    patch = {
        key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata", "spec")
    }
    patch["metadata"] = {k: v for k, v in obj["metadata"].items() if k in ("annotations", "labels")}
    if "spec" in obj:
        patch["spec"] = {k: v for k, v in obj["spec"].items() if k not in _LEFT_TO_THE_PLATFORM}
    return patch


def news(found: Object, cluster: Object) -> list[str]:
    """What the spec of the Cluster `found` does not say of the machines and the version of `cluster`, in words."""
    spec, known = cluster["spec"], found.get("spec") or {}
    there = {machine["ip"] for machine in known.get("machines") or ()}
    new = [f"machine {machine['ip']}" for machine in spec["machines"] if machine["ip"] not in there]
    if known.get("version") != spec["version"]:
        new.append(f"version {spec['version']}")
    return new


def spec_update(found: Object, cluster: Object) -> Object:
    """A merge patch that gives the Cluster `found` all of `cluster`, for `FINALIZE`.

    Machines that only the platform knows stay: it may have added them itself.
    """
    spec, known = cluster["spec"], found.get("spec") or {}
    ours = {machine["ip"] for machine in spec["machines"]}
    theirs = [machine for machine in known.get("machines") or () if machine["ip"] not in ours]
    wanted = {name: value for name, value in spec.items() if name != "finalizers"}
    for name in _OURS_AS_A_WHOLE:
        before, after = known.get(name), spec.get(name)
        if isinstance(before, dict):
            # A merge leaves what it does not name.
            wanted[name] = dict.fromkeys(before) | (after or {})
        elif before and not after:
            wanted[name] = None
    return {
        "metadata": {
            **{
                name: cluster["metadata"][name]
                for name in ("annotations", "labels")
                if name in cluster["metadata"]
            },
            "resourceVersion": found["metadata"]["resourceVersion"],
        },
        "spec": {**wanted, "machines": [*spec["machines"], *theirs]},
    }


def status_update(found: Object, wanted: Mapping[str, Any]) -> tuple[Object, list[str]]:
    """(a merge patch for the Cluster's status, what it says in words); nothing in both when there is nothing to say.

    `wanted` is of `status`. Other addresses than ours stay, and so does all that the platform itself finds out.
    """
    known = found.get("status") or {}
    there = {_place(address) for address in known.get("addresses") or ()}
    missing = [address for address in wanted["addresses"] if _place(address) not in there]
    update: Object = {}
    if missing:
        update["addresses"] = [*(known.get("addresses") or ()), *missing]
    if known.get("version") != wanted["version"]:
        update["version"] = wanted["version"]
    if known.get("phase") in (None, "", HELD):
        update["phase"] = wanted["phase"]
    words = [f"{one['type']} address {one['host']}:{one['port']}" for one in missing]
    words += [f"{name} {update[name]}" for name in ("version", "phase") if name in update]
    return update, words


def _place(address: Mapping[str, Any]) -> tuple[str, str, int]:
    return address["type"], address["host"], address["port"]


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")

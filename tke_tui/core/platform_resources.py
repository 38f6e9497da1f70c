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
    has the cluster, both are changed there and never by an installer that is run again.
    """
    patch = {
        key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata", "spec")
    }
    patch["metadata"] = {k: v for k, v in obj["metadata"].items() if k in ("annotations", "labels")}
    if "spec" in obj:
        patch["spec"] = {k: v for k, v in obj["spec"].items() if k not in _LEFT_TO_THE_PLATFORM}
    return patch


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")

"""Documents of kubeadm.k8s.io/v1beta2 (kubeadm 1.15 to 1.22 read and write it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tke_tui.core.kubeadm.settings import KUBERNETES_DIR

if TYPE_CHECKING:
    from tke_tui.core.kubeadm.credentials import Credentials
    from tke_tui.core.kubeadm.settings import ClusterSettings

API_VERSION = "kubeadm.k8s.io/v1beta2"
CRI_SOCKET = "/var/run/dockershim.sock"
API_SERVER_PORT = 6443

# The original's token never expires, which leaves a way into the cluster open for ever. A join that comes later
# than this makes the token anew.
TOKEN_TTL = "24h0m0s"  # noqa: S105 - a duration

_RESERVED = {"cpu": "100m", "memory": "500Mi"}

Document = dict[str, Any]


def init_documents(settings: ClusterSettings, node: str, credentials: Credentials | None) -> list[Document]:
    """InitConfiguration, ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration for the first machine.

    Without credentials: the same documents minus their secrets, for comparisons.
    """
    init: Document = {
        "apiVersion": API_VERSION,
        "kind": "InitConfiguration",
        "nodeRegistration": _node_registration(settings, node),
        "localAPIEndpoint": {"advertiseAddress": node, "bindPort": API_SERVER_PORT},
    }
    if credentials is not None:
        init["bootstrapTokens"] = [
            {
                "token": credentials.bootstrap_token,
                "description": "TKE kubeadm bootstrap token",
                "ttl": TOKEN_TTL,
            }
        ]
        init["certificateKey"] = credentials.certificate_key
    return [init, _cluster(settings), _kubelet(settings), _kube_proxy(settings)]


def join_documents(
    settings: ClusterSettings, node: str, credentials: Credentials | None, *, endpoint: str, ca_hash: str
) -> list[Document]:
    """JoinConfiguration of a further control plane; `endpoint` is host:port of an API server that runs."""
    join: Document = {
        "apiVersion": API_VERSION,
        "kind": "JoinConfiguration",
        "nodeRegistration": _node_registration(settings, node),
        "controlPlane": {"localAPIEndpoint": {"advertiseAddress": node, "bindPort": API_SERVER_PORT}},
        "discovery": {"bootstrapToken": {"apiServerEndpoint": endpoint, "caCertHashes": [ca_hash]}},
    }
    if credentials is not None:
        join["controlPlane"]["certificateKey"] = credentials.certificate_key
        join["discovery"]["bootstrapToken"]["token"] = credentials.bootstrap_token
        join["discovery"]["tlsBootstrapToken"] = credentials.bootstrap_token
    return [join]


def _node_registration(settings: ClusterSettings, node: str) -> Document:
    return {
        "name": node,
        "criSocket": CRI_SOCKET,
        # Labels and taints are EnsureMarkControlPlane's alone.
        "taints": [],
        "kubeletExtraArgs": dict(settings.kubelet_args),
    }


def _cluster(settings: ClusterSettings) -> Document:
    etcd: Document = {
        "dataDir": settings.etcd_data_dir,
        "imageTag": settings.etcd_tag,
        "serverCertSANs": list(settings.etcd_server_sans),
    }
    if settings.etcd_peer_sans:
        etcd["peerCertSANs"] = list(settings.etcd_peer_sans)
    if settings.etcd_args:
        etcd["extraArgs"] = dict(settings.etcd_args)
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterConfiguration",
        "clusterName": settings.name,
        "kubernetesVersion": f"v{settings.version}",
        "controlPlaneEndpoint": settings.control_plane_endpoint,
        "imageRepository": settings.image_repository,
        # No podSubnet: kubeadm would derive controller manager arguments from it that are given below.
        "networking": {"dnsDomain": settings.dns_domain, "serviceSubnet": settings.service_subnet},
        "apiServer": _component(settings.api_server_args) | {"certSANs": list(settings.cert_sans)},
        "controllerManager": _component(settings.controller_manager_args),
        "scheduler": _component(settings.scheduler_args),
        "dns": {"type": "CoreDNS", "imageTag": settings.coredns_tag},
        "etcd": {"local": etcd},
    }


def _component(args: dict[str, str]) -> Document:
    # Token file, policies and webhook configurations lie directly in this directory.
    volume = {"name": "vol-dir-0", "hostPath": KUBERNETES_DIR, "mountPath": KUBERNETES_DIR}
    return {"extraArgs": dict(args), "extraVolumes": [volume]}


def _kubelet(settings: ClusterSettings) -> Document:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "kubeReserved": dict(_RESERVED),
        "systemReserved": dict(_RESERVED),
        "maxPods": settings.max_pods,
    }


def _kube_proxy(settings: ClusterSettings) -> Document:
    proxy: Document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "ipvs" if settings.ipvs else "iptables",
    }
    if settings.ipvs:
        proxy["clusterCIDR"] = settings.cluster_cidr
    return proxy

"""Which part of the documents decides what a phase makes: a phase is done again only when its part changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tke_tui.core.kubeadm import Document, cluster_settings, init_documents

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.para import CreateClusterPara


def kubelet_start(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    return [init["nodeRegistration"], kubelet, _pick(cluster, "kubernetesVersion", "networking")]


def certs(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    etcd = _pick(cluster["etcd"]["local"], "serverCertSANs", "peerCertSANs")
    endpoints = _pick(cluster, "networking", "controlPlaneEndpoint")
    return [init["localAPIEndpoint"], cluster["apiServer"]["certSANs"], endpoints, etcd]


def kube_config(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    return [
        init["localAPIEndpoint"],
        init["nodeRegistration"]["name"],
        _pick(cluster, "clusterName", "controlPlaneEndpoint"),
    ]


def control_plane(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    server = {key: value for key, value in cluster["apiServer"].items() if key != "certSANs"}
    rest = _pick(
        cluster,
        "kubernetesVersion",
        "imageRepository",
        "clusterName",
        "networking",
        "controllerManager",
        "scheduler",
    )
    return [init["localAPIEndpoint"], server, rest]


def etcd(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    local = _pick(cluster["etcd"]["local"], "dataDir", "imageTag", "extraArgs")
    return [init["localAPIEndpoint"], init["nodeRegistration"]["name"], local, cluster["imageRepository"]]


def upload_config(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    return [cluster, kubelet]


def addon(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    shared = _pick(
        cluster, "kubernetesVersion", "imageRepository", "dns", "networking", "controlPlaneEndpoint"
    )
    return [shared, proxy]


def cluster_name(init: Document, cluster: Document, kubelet: Document, proxy: Document) -> Any:
    return cluster["clusterName"]


Part = Callable[[Document, Document, Document, Document], Any]


def part_of(part: Part, para: CreateClusterPara, bundle: Bundle, node: str) -> Any:
    """The deciding part for `node`, without secrets, as JSON-like data."""
    init, cluster, kubelet, proxy = init_documents(cluster_settings(para, bundle), node, None)
    return part(init, cluster, kubelet, proxy)


def without_version(part: Any) -> Any:
    """A deciding part less the version of Kubernetes, for what an upgrade alone does not touch."""
    if isinstance(part, dict):
        return {key: without_version(value) for key, value in part.items() if key != "kubernetesVersion"}
    if isinstance(part, list):
        return [without_version(value) for value in part]
    return part


def _pick(document: Document, *keys: str) -> Document:
    return {key: document[key] for key in keys if key in document}

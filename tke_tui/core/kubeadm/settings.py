"""What a cluster is configured to, free of any version of kubeadm's own document format.

All values follow from the input and the bundle; nothing here is secret. Precedence of extra arguments: the person's
(`cluster.spec.*ExtraArgs`) win over ours, except for kubelet, where ours win: the platform breaks without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tke_tui.core.errors import UsageError
from tke_tui.core.model.defaults import DEFAULT_DNS_DOMAIN
from tke_tui.core.model.network import DEFAULT_MAX_PODS, ClusterNetwork
from tke_tui.core.model.para import API_SERVER_PORT

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.para import CreateClusterPara

KUBERNETES_DIR = "/etc/kubernetes"
PKI_DIR = f"{KUBERNETES_DIR}/pki"
MANIFEST_DIR = f"{KUBERNETES_DIR}/manifests"
KNOWN_TOKENS = f"{KUBERNETES_DIR}/known_tokens.csv"
SCHEDULER_POLICY = f"{KUBERNETES_DIR}/scheduler-policy-config.json"
AUDIT_POLICY = f"{KUBERNETES_DIR}/audit-policy.yaml"
AUDIT_WEBHOOK = f"{KUBERNETES_DIR}/audit-api-client-config.yaml"
AUTHZ_WEBHOOK = f"{KUBERNETES_DIR}/tke-authz-webhook.yaml"

DEFAULT_ETCD_DATA = "/var/lib/etcd"

# The secure ports of controller manager and scheduler replaced the plain ones here: kubeadm sets `--port=0`.
SECURE_METRICS_SINCE = 19


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """`version` is without v; `control_plane_endpoint` host:port; tags are those of the bundle."""

    version: str
    name: str
    dns_domain: str
    service_subnet: str
    cluster_cidr: str
    control_plane_endpoint: str
    image_repository: str
    etcd_tag: str
    coredns_tag: str
    cert_sans: tuple[str, ...]
    api_server_args: dict[str, str]
    controller_manager_args: dict[str, str]
    scheduler_args: dict[str, str]
    kubelet_args: dict[str, str]
    etcd_data_dir: str
    etcd_args: dict[str, str]
    etcd_server_sans: tuple[str, ...]
    etcd_peer_sans: tuple[str, ...]
    max_pods: int
    ipvs: bool

    @property
    def minor(self) -> int:
        """Minor version of Kubernetes, e.g. 20."""
        return minor_version(self.version)


def minor_version(version: str) -> int:
    """20 for `1.20.2`, `v1.20.2` and `1.20.4-tke.1`. Raises `UsageError` for anything else than 1.<minor>."""
    major, _, rest = version.removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    if major != "1" or not minor.isdigit():
        raise UsageError(
            f"{version!r} is not a Kubernetes version",
            fix="Choose a version that the bundle offers, e.g. 1.20.2, in cluster.spec.version.",
        )
    return int(minor)


def cluster_settings(para: CreateClusterPara, bundle: Bundle) -> ClusterSettings:
    """The settings for an input with its defaults filled in. Raises `UsageError` and `BundleError`."""
    spec = para.cluster.spec
    network = ClusterNetwork.from_spec(spec)
    release = bundle.release(spec.version)
    etcd = spec.etcd.local if spec.etcd is not None and spec.etcd.local is not None else None
    host, port = para.advertise or (para.first.ip, API_SERVER_PORT)
    return ClusterSettings(
        version=release.version,
        name=para.cluster.metadata.name,
        dns_domain=spec.dns_domain or DEFAULT_DNS_DOMAIN,
        service_subnet=network.service_cidr,
        cluster_cidr=network.cluster_cidr,
        control_plane_endpoint=f"{host}:{port}",
        image_repository=para.registry_prefix,
        etcd_tag=bundle.tag("etcd", release.version),
        coredns_tag=bundle.tag("coredns", release.version),
        cert_sans=_cert_sans(para),
        api_server_args=_api_server_args(para) | spec.api_server_extra_args,
        controller_manager_args=_controller_manager_args(release.version, network)
        | spec.controller_manager_extra_args,
        scheduler_args=_scheduler_args(release.version) | spec.scheduler_extra_args,
        kubelet_args=spec.kubelet_extra_args
        | {
            "pod-infra-container-image": f"{para.registry_prefix}/pause:{bundle.tag('pause', release.version)}"
        },
        etcd_data_dir=(etcd.data_dir if etcd else "") or DEFAULT_ETCD_DATA,
        etcd_args=dict(etcd.extra_args) if etcd else {},
        # Components reach the first etcd by the name of its service in the cluster.
        etcd_server_sans=tuple(sorted({"etcd", *(etcd.server_cert_sans if etcd else ())})),
        etcd_peer_sans=tuple(sorted(etcd.peer_cert_sans if etcd else ())),
        max_pods=spec.properties.max_node_pod_num or DEFAULT_MAX_PODS,
        ipvs=bool(spec.features.ipvs),
    )


def _cert_sans(para: CreateClusterPara) -> tuple[str, ...]:
    names = {"127.0.0.1", "localhost", *para.cluster.spec.public_alternative_names}
    names.update(machine.ip for machine in para.machines)
    if para.vip:
        names.add(para.vip)
    return tuple(sorted(names))


def _api_server_args(para: CreateClusterPara) -> dict[str, str]:
    args = {"token-auth-file": KNOWN_TOKENS}
    if para.audit_enabled:
        args |= {"audit-policy-file": AUDIT_POLICY, "audit-webhook-config-file": AUDIT_WEBHOOK}
    if para.cluster.spec.features.authz_webhook_addr is not None:
        # The webhook comes last and is part of the platform itself: what nodes and administrators need is decided
        # by Node and RBAC, so the cluster starts before the webhook answers.
        args |= {
            "authorization-webhook-config-file": AUTHZ_WEBHOOK,
            "authorization-mode": "Node,RBAC,Webhook",
        }
    return args


def _controller_manager_args(version: str, network: ClusterNetwork) -> dict[str, str]:
    return {
        "allocate-node-cidrs": "true",
        "node-cidr-mask-size": str(network.node_cidr_mask_size),
        "cluster-cidr": network.cluster_cidr,
        "service-cluster-ip-range": network.service_cidr,
        **_metrics_address(version),
    }


def _scheduler_args(version: str) -> dict[str, str]:
    return {
        "use-legacy-policy-config": "true",
        "policy-config-file": SCHEDULER_POLICY,
        **_metrics_address(version),
    }


def _metrics_address(version: str) -> dict[str, str]:
    """Metrics are read from other machines: the secure port, which asks for a login, must not be on loopback only."""
    return {"bind-address": "0.0.0.0"} if minor_version(version) >= SECURE_METRICS_SINCE else {}

"""Defaults and forced values, as the original sets them before it validates (and a person need not give)."""

from __future__ import annotations

from collections.abc import Sequence

from tke_tui.core.model.cluster import ClusterStatus, Etcd, LocalEtcd
from tke_tui.core.model.config import Basic, Cert, Config, Logagent
from tke_tui.core.model.fields import Empty, secret
from tke_tui.core.model.network import DEFAULT_CLUSTER_CIDR, DEFAULT_MAX_PODS, DEFAULT_MAX_SERVICES
from tke_tui.core.model.para import CreateClusterPara

CLUSTER_NAME = "global"
DISPLAY_NAME = "TKE"
TENANT_ID = "default"
REGISTRY_NAMESPACE = "library"
DEFAULT_ADMIN = "admin"
DEFAULT_REGISTRY_DOMAIN = "registry.tke.com"
DEFAULT_GATEWAY_DOMAIN = "console.tke.com"
DEFAULT_DNS_DOMAIN = "cluster.local"
DEFAULT_NETWORK_DEVICE = "eth0"
DEFAULT_CSI_OPERATOR = "v1.0.2"
FINALIZER = "cluster"
ETCD_SERVER_NAME = "etcd"


def apply_defaults(para: CreateClusterPara, kubernetes_versions: Sequence[str]) -> CreateClusterPara:
    """A copy of `para` with every default filled in and every forced value in place; `para` stays as it is.

    `kubernetes_versions` are the bundle's, the default first; when empty, the version is left as it is.
    Doing it twice changes nothing.
    """
    result = para.model_copy(deep=True)
    _config(result.config)
    _cluster(result, kubernetes_versions)
    return result


def _config(config: Config) -> None:
    if config.basic is None:
        config.basic = Basic(username=DEFAULT_ADMIN, password=secret(DEFAULT_ADMIN))
    if config.auth.tke is not None:
        config.auth.tke.tenant_id = TENANT_ID
        config.auth.tke.username = config.basic.username
        config.auth.tke.password = config.basic.password
    registry = config.registry.tke
    if registry is not None:
        registry.domain = registry.domain or DEFAULT_REGISTRY_DOMAIN
        registry.namespace = REGISTRY_NAMESPACE
        registry.username = config.basic.username
        registry.password = config.basic.password
    if config.gateway is not None:
        config.gateway.domain = config.gateway.domain or DEFAULT_GATEWAY_DOMAIN
        if config.gateway.cert is None or config.gateway.cert == Cert():
            config.gateway.cert = Cert(self_signed=Empty())
    if config.logagent is None:
        config.logagent = Logagent()


def _cluster(para: CreateClusterPara, kubernetes_versions: Sequence[str]) -> None:
    cluster, spec = para.cluster, para.cluster.spec
    cluster.metadata.name = CLUSTER_NAME
    spec.display_name = DISPLAY_NAME
    spec.tenant_id = TENANT_ID
    spec.features.enable_master_schedule = True
    if para.config.ha is not None:
        spec.features.ha = para.config.ha.model_copy(deep=True)
    spec.version = spec.version or next(iter(kubernetes_versions), "")
    spec.cluster_cidr = spec.cluster_cidr or DEFAULT_CLUSTER_CIDR
    spec.type = spec.type or "Baremetal"
    spec.network_device = spec.network_device or DEFAULT_NETWORK_DEVICE
    spec.dns_domain = spec.dns_domain or DEFAULT_DNS_DOMAIN
    spec.upgrade.mode = spec.upgrade.mode or "Auto"
    if spec.upgrade.strategy.max_unready is None:
        spec.upgrade.strategy.max_unready = 0
    if FINALIZER not in spec.finalizers:
        spec.finalizers.append(FINALIZER)
    if spec.features.csi_operator is not None and not spec.features.csi_operator.version:
        spec.features.csi_operator.version = DEFAULT_CSI_OPERATOR
    if spec.properties.max_cluster_service_num is None and not spec.service_cidr:
        spec.properties.max_cluster_service_num = DEFAULT_MAX_SERVICES
    if spec.properties.max_node_pod_num is None:
        spec.properties.max_node_pod_num = DEFAULT_MAX_PODS
    _etcd(para)
    if cluster.status is None:
        cluster.status = ClusterStatus()
    cluster.status.phase = cluster.status.phase or "Initializing"


def _etcd(para: CreateClusterPara) -> None:
    spec = para.cluster.spec
    if spec.etcd is None or spec.etcd == Etcd():
        spec.etcd = Etcd(local=LocalEtcd())
    if spec.etcd.local is not None and ETCD_SERVER_NAME not in spec.etcd.local.server_cert_sans:
        spec.etcd.local.server_cert_sans.append(ETCD_SERVER_NAME)

"""The `cluster` half of the input: a platform.tkestack.io/v1 Cluster."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tke_tui.core.model.fields import Bool, Empty, Int, Model
from tke_tui.core.model.machine import Machine

API_VERSION = "platform.tkestack.io/v1"
KIND = "Cluster"


class KeepalivedHA(Model):
    """Virtual IP kept by keepalived on the masters."""

    vip: str = Field("", title="Virtual IP", description="Free IPv4 address in the masters' network.")
    vrid: Int | None = Field(
        None,
        title="VRRP router id",
        description="VRRP router id 1-255 (known since TKEStack 1.6); without it last byte of the VIP + 1.",
    )


class ThirdPartyHA(Model):
    """Virtual IP of an existing load balancer."""

    vip: str = Field(
        "",
        title="Virtual IP",
        description="IPv4 address of the load balancer; forwards 80, 443 and the API port.",
    )
    vport: Int = Field(
        6443,
        title="Port of the API",
        description="Port of the load balancer that leads to 6443 of the masters.",
    )


class HA(Model):
    """High availability of console and API server: one of the two."""

    tke: KeepalivedHA | None = Field(
        None,
        title="keepalived on the masters",
        description="Presence: keepalived on the masters keeps the VIP.",
    )
    third_party: ThirdPartyHA | None = Field(
        None, title="Existing load balancer", description="Presence: an existing load balancer is used."
    )


class File(Model):
    """A file of the installer host that is copied to every machine."""

    src: str = Field("", title="File on this host", description="Regular file on the installer host.")
    dst: str = Field("", title="Path on the machines", description="Absolute path on the machines.")


class CSIOperator(Model):
    """Presence installs the CSI operator."""

    version: str = Field(
        "", title="CSI version", description="Version of the CSI operator; v1.0.2 when empty."
    )


class ExternalAuthzWebhook(Model):
    """Authorization webhook outside of the cluster."""

    ip: str = Field("", title="Webhook address", description="IP address of the webhook.")
    port: Int = Field(0, title="Webhook port", description="Port of the webhook.")


class AuthzWebhookAddr(Model):
    """Presence makes the API server ask an authorization webhook: one of the two."""

    builtin: Empty | None = Field(
        None, title="The platform's own", description="Presence: the platform's own webhook."
    )
    external: ExternalAuthzWebhook | None = Field(
        None, title="Another one", description="Presence: a webhook at an address."
    )


class Features(Model):
    """Switches of the cluster."""

    ipvs: Bool | None = Field(None, title="IPVS", description="kube-proxy in ipvs mode instead of iptables.")
    public_lb: Bool | None = Field(
        None, alias="publicLB", title="Public balancer", description="Accepted for the original; unused."
    )
    internal_lb: Bool | None = Field(
        None, alias="internalLB", title="Internal balancer", description="Accepted for the original; unused."
    )
    gpu_type: str = Field("", title="GPU", description="`Physical` or `Virtual`; empty for no GPU support.")
    enable_master_schedule: Bool | None = Field(
        None,
        title="Pods on masters",
        description="Pods may run on masters. Always set to true, as the original does.",
    )
    ha: HA | None = Field(
        None, title="High availability", description="Always replaced by `Config.ha` when that is given."
    )
    skip_conditions: list[str] = Field(
        default_factory=list,
        title="Skipped handlers",
        description="Names of cluster handlers that are not run, e.g. `EnsureGalaxy`.",
    )
    files: list[File] = Field(
        default_factory=list, title="Files to copy", description="Files to copy to every machine first."
    )
    hooks: dict[str, str] = Field(
        default_factory=dict,
        title="Hooks",
        description="Commands on every machine; keys `PreInstall` and `PostInstall`.",
    )
    csi_operator: CSIOperator | None = Field(
        None, title="CSI operator", description="Presence installs the CSI operator."
    )
    authz_webhook_addr: AuthzWebhookAddr | None = Field(
        None, title="Authorization webhook", description="Presence configures an authorization webhook."
    )


class Properties(Model):
    """Sizes of the cluster's networks."""

    max_cluster_service_num: Int | None = Field(
        None,
        title="Services at most",
        description="Size of the service network carved out of `clusterCIDR`: 32 to 32768, a power of two.",
    )
    max_node_pod_num: Int | None = Field(
        None, title="Pods per node", description="Pods per node: 16, 32, 64, 128 or 256."
    )
    oversold_ratio: dict[str, str] = Field(
        default_factory=dict,
        title="Oversold ratio",
        description="Resource name to ratio; handed on to the platform.",
    )


class UpgradeStrategy(Model):
    """Limits during an upgrade."""

    max_unready: Int | str | None = Field(
        None,
        title="Unready at most",
        description="Unready pods that are tolerated: a number or a percentage such as `10%`.",
    )


class Upgrade(Model):
    """How nodes are upgraded later."""

    mode: str = Field("", title="Upgrade mode", description="`Auto` or `Manual`.")
    strategy: UpgradeStrategy = Field(
        default_factory=UpgradeStrategy, description="Limits during an upgrade."
    )


class LocalEtcd(Model):
    """etcd as static pods on the masters."""

    data_dir: str = Field(
        "", title="Data directory", description="Data directory; kubeadm's /var/lib/etcd when empty."
    )
    extra_args: dict[str, str] = Field(
        default_factory=dict, title="etcd options", description="Extra arguments of etcd."
    )
    server_cert_sans: list[str] = Field(
        default_factory=list,
        alias="serverCertSANs",
        title="Server names",
        description="Further names of the server certificate; `etcd` is always added.",
    )
    peer_cert_sans: list[str] = Field(
        default_factory=list,
        alias="peerCertSANs",
        title="Peer names",
        description="Further names of the peer certificate.",
    )


class ExternalEtcd(Model):
    """etcd outside of the cluster. The platform's certificates cannot be made for it, so it is refused."""

    endpoints: list[str] = Field(default_factory=list, description="Refused, see `external`.")
    ca_file: str = Field("", description="Refused, see `external`.")
    cert_file: str = Field("", description="Refused, see `external`.")
    key_file: str = Field("", description="Refused, see `external`.")


class Etcd(Model):
    """Where etcd runs."""

    local: LocalEtcd | None = Field(None, description="Presence: static pods on the masters.")
    external: ExternalEtcd | None = Field(
        None, description="Refused: the installation needs the CA key of etcd."
    )


class ClusterCredentialRef(Model):
    """Name of the credential object."""

    name: str = Field("", description="Set by the installer to `cc-global`.")


class ClusterSpec(Model):
    """What the cluster should be."""

    finalizers: list[str] = Field(default_factory=list, description="Always contains `cluster`.")
    tenant_id: str = Field("", alias="tenantID", description="Always `default`.")
    display_name: str = Field("", description="Always `TKE`.")
    type: str = Field("", description="Provider; this installer makes `Baremetal` clusters.")
    version: str = Field(
        "", title="Kubernetes version", description="Kubernetes version without v, one that the bundle holds."
    )
    network_type: str = Field("", title="Network type", description="Accepted for the original; unused.")
    network_device: str = Field(
        "", title="Network device", description="Network interface of the machines that Galaxy bridges."
    )
    cluster_cidr: str = Field(
        "", alias="clusterCIDR", title="Pod network", description="IPv4 network of the pods."
    )
    service_cidr: str = Field(
        "",
        alias="serviceCIDR",
        title="Service network",
        description="IPv4 network of the services; without it the tail of `clusterCIDR` is used.",
    )
    dns_domain: str = Field("", title="DNS domain", description="DNS domain inside the cluster.")
    public_alternative_names: list[str] = Field(
        default_factory=list,
        title="API server names",
        description="Further names and addresses of the API server's certificate.",
    )
    features: Features = Field(default_factory=Features, description="Switches.")
    properties: Properties = Field(default_factory=Properties, description="Sizes of the networks.")
    machines: list[Machine] = Field(
        default_factory=list, title="Machines", description="The masters; the first one is set up first."
    )
    docker_extra_args: dict[str, str] = Field(
        default_factory=dict,
        title="dockerd",
        description="Options of dockerd without `--`, e.g. `data-root`.",
    )
    kubelet_extra_args: dict[str, str] = Field(
        default_factory=dict, title="kubelet", description="Options of kubelet; the installer's own win."
    )
    api_server_extra_args: dict[str, str] = Field(
        default_factory=dict,
        title="kube-apiserver",
        description="Options of kube-apiserver; they win over the installer's own.",
    )
    controller_manager_extra_args: dict[str, str] = Field(
        default_factory=dict,
        title="controller-manager",
        description="Options of kube-controller-manager; they win over the installer's own.",
    )
    scheduler_extra_args: dict[str, str] = Field(
        default_factory=dict,
        title="kube-scheduler",
        description="Options of kube-scheduler; they win over the installer's own.",
    )
    cluster_credential_ref: ClusterCredentialRef | None = Field(
        None, description="Reference to the credential; set by the installer."
    )
    etcd: Etcd | None = Field(None, description="Where etcd runs.")
    upgrade: Upgrade = Field(default_factory=Upgrade, description="How nodes are upgraded later.")


class Condition(Model):
    """Outcome of one cluster handler, as the original records it."""

    type: str = Field("", description="Handler name.")
    status: str = Field("", description="`True`, `False` or `Unknown`.")
    last_probe_time: str = Field("", description="RFC 3339 time.")
    last_transition_time: str = Field("", description="RFC 3339 time.")
    reason: str = Field("", description="e.g. `Skip`, `FailedInit`, `Waiting`.")
    message: str = Field("", description="Text for people.")


class Address(Model):
    """An address of the API server."""

    type: str = Field("", description="`Real`, `Advertise`, `Internal`, `Public` or `Support`.")
    host: str = Field("", description="Host name or IP address.")
    port: Int = Field(0, description="TCP port.")
    path: str = Field("", description="URL path.")


class Resource(Model):
    """Resources of the cluster, name to quantity."""

    capacity: dict[str, Any] = Field(default_factory=dict, description="What the nodes have.")
    allocatable: dict[str, Any] = Field(default_factory=dict, description="What pods may use.")
    allocated: dict[str, Any] = Field(default_factory=dict, description="What pods use.")


class ClusterStatus(Model):
    """State of the cluster. Written by the installer; a person need not give it."""

    locked: Bool | None = Field(None, description="Nobody may change the cluster.")
    version: str = Field("", description="Kubernetes version found.")
    phase: str = Field("", description="`Initializing`, `Running`, `Failed`, `Upgrading` or `Terminating`.")
    conditions: list[Condition] = Field(default_factory=list, description="Outcome of each handler.")
    message: str = Field("", description="Text for people about the phase.")
    reason: str = Field("", description="Short reason of the phase.")
    addresses: list[Address] = Field(default_factory=list, description="Addresses of the API server.")
    resource: Resource | None = Field(None, description="Resources of the cluster.")
    components: list[dict[str, Any]] = Field(default_factory=list, description="Component states.")
    service_cidr: str = Field("", alias="serviceCIDR", description="Effective service network.")
    node_cidr_mask_size: Int = Field(
        0, alias="nodeCIDRMaskSize", description="Prefix length of each node's pod network."
    )
    dns_ip: str = Field("", alias="dnsIP", description="Address of the cluster DNS.")
    registry_ips: list[str] = Field(
        default_factory=list, alias="registryIPs", description="Addresses of the registry."
    )


class ObjectMeta(Model):
    """Name, labels and annotations of the Cluster object."""

    name: str = Field("", description="Always `global`.")
    labels: dict[str, str] = Field(
        default_factory=dict, title="Cluster labels", description="Labels of the Cluster object."
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, title="Cluster annotations", description="Annotations of the Cluster object."
    )


class Cluster(Model):
    """A platform.tkestack.io/v1 Cluster."""

    api_version: str = Field(API_VERSION, description="Always `platform.tkestack.io/v1`.")
    kind: str = Field(KIND, description="Always `Cluster`.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels, annotations.")
    spec: ClusterSpec = Field(default_factory=ClusterSpec, description="What the cluster should be.")
    status: ClusterStatus | None = Field(None, description="State; written by the installer.")

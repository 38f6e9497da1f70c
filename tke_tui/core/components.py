"""The components of the platform: what each of them is and when it is installed.

All of them live in the namespace `tke`; the label `app` of pods, selectors and Services is the component's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara

NAMESPACE = "tke"
CERTS = "certs"
"""Secret with the certificates and credentials of all components, mounted at /app/certs."""

AUTH_NODE_PORT = 31138
"""Where tke-auth-api answers on every machine: the cluster's API servers ask it for authorization."""
INFLUXDB_PORT = 8086

PROVIDER_CONFIG_MAPS = (
    ("provider-config", "conf"),
    ("docker", "conf/docker"),
    ("kubelet", "conf/kubelet"),
    ("kubeadm", "conf/kubeadm"),
    ("gpu-manifests", "manifests/gpu"),
    ("gpu-manager-manifests", "manifests/gpu-manager"),
    ("csi-operator-manifests", "manifests/csi-operator"),
    ("keepalived-manifests", "manifests/keepalived"),
    ("metrics-server-manifests", "manifests/metrics-server"),
)
"""ConfigMaps of the bare-metal provider and where they are mounted below /app/provider/baremetal."""

Condition = Callable[["CreateClusterPara"], bool]
Kind = Literal["Deployment", "DaemonSet", "StatefulSet"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and limits of a container as Kubernetes quantities."""

    cpu_request: str = "50m"
    memory_request: str = "128Mi"
    cpu_limit: str = "100m"
    memory_limit: str = "256Mi"


DEFAULT_RESOURCES = Resources()


@dataclass(frozen=True, slots=True)
class Component:
    """One program of the platform.

    `port` is where its container listens (HTTPS, but for the gateway's and InfluxDB's); `service` tells whether a
    Service of its name leads port 443 there. `reads_secrets` components have a password or a key in their
    configuration, which therefore is a Secret; that of the others is a ConfigMap. `reason` says why it is left out
    where `condition` does not hold.
    """

    name: str
    port: int
    kind: Kind = "Deployment"
    service: bool = False
    condition: Condition = lambda para: True
    reason: str = ""
    reads_secrets: bool = False
    scaled: bool = True
    """Whether the option --replicas counts; otherwise there is one."""
    audited: bool = False
    """Whether it reports API calls to the platform's audit, when that is installed."""
    provider: bool = False
    """Whether it works with the files of the bare-metal provider."""
    images: tuple[str, ...] = ()
    """Further images, of init containers."""
    resources: Resources | None = DEFAULT_RESOURCES

    @property
    def group(self) -> str:
        """API group of the component, e.g. `platform.tkestack.io`."""
        return f"{self.short}.tkestack.io"

    @property
    def short(self) -> str:
        """`platform` of `tke-platform-api` and `tke-platform-controller`."""
        return self.name.removeprefix("tke-").removesuffix("-api").removesuffix("-controller")

    @property
    def is_api(self) -> bool:
        return self.name.endswith("-api")

    @property
    def config_name(self) -> str:
        """Name of its Secret or ConfigMap; tke-registry-api keeps its key pair in the Secret of its own name."""
        return f"{self.name}-config" if self.name == "tke-registry-api" else self.name

    @property
    def all_images(self) -> tuple[str, ...]:
        """Plain names of every image that its pods are made of."""
        return (self.name, *self.images)

    def left_out(self, para: CreateClusterPara) -> str | None:
        """Why this input does not install it; None when it does."""
        return None if self.condition(para) else self.reason


def _auth(para: CreateClusterPara) -> bool:
    return para.config.auth.tke is not None


def _registry(para: CreateClusterPara) -> bool:
    return para.config.registry.tke is not None


def _business(para: CreateClusterPara) -> bool:
    return para.config.business is not None


def _monitor(para: CreateClusterPara) -> bool:
    return para.config.monitor is not None


def _local_influxdb(para: CreateClusterPara) -> bool:
    monitor = para.config.monitor
    return monitor is not None and monitor.influx_db is not None and monitor.influx_db.local is not None


def _logagent(para: CreateClusterPara) -> bool:
    return para.config.logagent is not None


def _gateway(para: CreateClusterPara) -> bool:
    return para.config.gateway is not None


_NO_AUTH = "Config.auth.tke is not given"
_NO_BUSINESS = "Config.business is not given"
_NO_MONITOR = "Config.monitor is not given"
_NO_LOGAGENT = "Config.logagent is not given"

_ALL = (
    Component(
        "tke-auth-api",
        9451,
        service=True,
        condition=_auth,
        reason=_NO_AUTH,
        reads_secrets=True,
        audited=True,
        resources=Resources("250m", "256Mi", "500m", "512Mi"),
    ),
    Component("tke-auth-controller", 9458, condition=_auth, reason=_NO_AUTH, reads_secrets=True),
    Component(
        "tke-audit-api",
        9461,
        service=True,
        condition=lambda para: para.audit_enabled,
        reason="Config.audit.elasticSearch.address is empty",
        reads_secrets=True,
    ),
    Component("tke-platform-api", 9443, service=True, audited=True, provider=True),
    Component(
        "tke-platform-controller",
        9445,
        reads_secrets=True,
        provider=True,
        images=("provider-res",),
        resources=Resources(memory_limit="1Gi"),
    ),
    Component(
        "tke-registry-api",
        9453,
        service=True,
        condition=_registry,
        reason="Config.registry.tke is not given",
        reads_secrets=True,
        scaled=False,
        audited=True,
        resources=Resources(cpu_limit="500m", memory_limit="1Gi"),
    ),
    Component("tke-business-api", 9447, service=True, condition=_business, reason=_NO_BUSINESS, audited=True),
    Component("tke-business-controller", 9449, condition=_business, reason=_NO_BUSINESS),
    Component(
        "influxdb",
        INFLUXDB_PORT,
        kind="StatefulSet",
        condition=_local_influxdb,
        reason="Config.monitor.influxDB.local is not given",
        scaled=False,
        resources=None,
    ),
    Component(
        "tke-monitor-api",
        9455,
        service=True,
        condition=_monitor,
        reason=_NO_MONITOR,
        reads_secrets=True,
        audited=True,
    ),
    Component("tke-monitor-controller", 9456, condition=_monitor, reason=_NO_MONITOR, reads_secrets=True),
    Component("tke-notify-api", 9457, service=True, condition=_monitor, reason=_NO_MONITOR, audited=True),
    Component("tke-notify-controller", 9459, condition=_monitor, reason=_NO_MONITOR),
    Component("tke-logagent-api", 9999, service=True, condition=_logagent, reason=_NO_LOGAGENT, audited=True),
    Component("tke-logagent-controller", 9998, condition=_logagent, reason=_NO_LOGAGENT),
    Component(
        "tke-gateway",
        443,
        kind="DaemonSet",
        service=True,
        condition=_gateway,
        reason="Config.gateway is not given",
        reads_secrets=True,
        scaled=False,
    ),
)

COMPONENTS = {component.name: component for component in _ALL}
"""Every component by name, in the order in which the original installs them."""


def installed(para: CreateClusterPara) -> list[Component]:
    """The components that this input installs, in order."""
    return [component for component in _ALL if component.left_out(para) is None]


def images(para: CreateClusterPara) -> list[str]:
    """Plain names of the images that the platform of this input needs on the nodes, without tags."""
    return [image for component in installed(para) for image in component.all_images]

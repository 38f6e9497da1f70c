"""The whole input (`CreateClusterPara` of the original) and the questions everybody asks it.

The answers hold for an input that went through `apply_defaults`.
"""

from __future__ import annotations

from pydantic import Field

from tke_tui.core.errors import UsageError
from tke_tui.core.model.cluster import HA, Cluster
from tke_tui.core.model.config import Config
from tke_tui.core.model.fields import Model
from tke_tui.core.model.machine import Machine

API_SERVER_PORT = 6443

OFFICIAL_PREFIXES = ("docker.io/tkestack", "ccr.ccs.tencentyun.com/tkestack")
"""Registries that already hold the platform's images: nothing is loaded or pushed for them."""


class CreateClusterPara(Model):
    """What a person asks for: a cluster and what is installed on it."""

    cluster: Cluster = Field(default_factory=Cluster, description="The cluster and its machines.")
    config: Config = Field(default_factory=Config, alias="Config", description="What is installed on it.")

    @property
    def machines(self) -> list[Machine]:
        """The masters in the person's order."""
        return self.cluster.spec.machines

    @property
    def first(self) -> Machine:
        """The master that is set up first. Raises `UsageError` when there is no machine."""
        if not self.machines:
            raise UsageError(
                "No machines",
                detail="cluster.spec.machines is empty.",
                fix="Add at least one machine with ip, username and password or private key.",
            )
        return self.machines[0]

    @property
    def ha(self) -> HA | None:
        """The effective high availability settings: `Config.ha`, else `cluster.spec.features.ha`."""
        return self.config.ha or self.cluster.spec.features.ha

    @property
    def vip(self) -> str | None:
        """The virtual IP of console and API server; None without high availability."""
        advertise = self.advertise
        return advertise[0] if advertise else None

    @property
    def advertise(self) -> tuple[str, int] | None:
        """Host and port behind which all API servers are: the VIP with 6443 or the balancer's port."""
        ha = self.ha
        if ha is None:
            return None
        if ha.tke is not None and ha.tke.vip:
            return ha.tke.vip, API_SERVER_PORT
        if ha.third_party is not None and ha.third_party.vip:
            return ha.third_party.vip, ha.third_party.vport
        return None

    @property
    def registry_domain(self) -> str:
        """Host (and port) of the effective registry; "" when none is given."""
        registry = self.config.registry
        if registry.third_party is not None:
            return registry.third_party.domain
        return registry.tke.domain if registry.tke is not None else ""

    @property
    def registry_namespace(self) -> str:
        """Namespace of the effective registry; "" when none is given."""
        registry = self.config.registry
        if registry.third_party is not None:
            return registry.third_party.namespace
        return registry.tke.namespace if registry.tke is not None else ""

    @property
    def registry_prefix(self) -> str:
        """`domain/namespace` in front of every image name."""
        return f"{self.registry_domain}/{self.registry_namespace}"

    @property
    def registry_is_official(self) -> bool:
        """Whether the registry already holds the platform's images."""
        return self.registry_prefix in OFFICIAL_PREFIXES

    @property
    def tke_registry(self) -> bool:
        """Whether images come from a registry that this installation sets up itself."""
        return self.config.registry.tke is not None and self.config.registry.third_party is None

    @property
    def gateway_host(self) -> str:
        """Where the gateway answers: its domain, else the VIP, else the first machine."""
        if self.config.gateway is not None and self.config.gateway.domain:
            return self.config.gateway.domain
        return self.vip or self.first.ip

    @property
    def audit_enabled(self) -> bool:
        """Whether API calls are recorded."""
        audit = self.config.audit
        return audit is not None and audit.elastic_search is not None and bool(audit.elastic_search.address)

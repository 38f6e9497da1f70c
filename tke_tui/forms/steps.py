"""Which screen asks for what, in which order; and what nobody is asked for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tke_tui.forms.draft import AGAIN
from tke_tui.messages import N_

NETWORK_SUMMARY = "summary:network"
"""Stands among the paths of a section for the computed counts of nodes and services."""


@dataclass(frozen=True, slots=True)
class Section:
    """Things that belong together. A `folded` one shows its title only until somebody opens it.

    `paths` are document paths of fields and groups, second entries of passwords (`…#again`) and computed lines
    (`summary:…`). `fixed` ones are shown but not asked for.
    """

    title: str
    paths: tuple[str, ...]
    help: str = ""
    folded: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One screen of the forms."""

    name: str
    title: str
    sections: tuple[Section, ...]
    about: tuple[str, ...] = ()
    """Paths of objects whose problems belong to this step although it has no field for them."""


_SPEC = "cluster.spec"
_FEATURES = f"{_SPEC}.features"

ADVANCED = N_("Advanced")

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            "basics",
            N_("Basics"),
            (
                Section(
                    N_("Administrator"),
                    ("Config.basic.username", "Config.basic.password", f"Config.basic.password{AGAIN}"),
                ),
                Section(
                    N_("High availability"),
                    (
                        "Config.ha",
                        "Config.ha.tke.vip",
                        "Config.ha.tke.vrid",
                        "Config.ha.thirdParty.vip",
                        "Config.ha.thirdParty.vport",
                    ),
                ),
            ),
            about=("Config.basic",),
        ),
        Step("machines", N_("Machines"), (), about=(f"{_SPEC}.machines",)),
        Step(
            "cluster",
            N_("Cluster"),
            (
                Section(N_("Kubernetes"), ("options.bundle", f"{_SPEC}.version")),
                Section(
                    N_("Networks"),
                    (
                        f"{_SPEC}.clusterCIDR",
                        f"{_SPEC}.properties.maxNodePodNum",
                        f"{_SPEC}.properties.maxClusterServiceNum",
                        NETWORK_SUMMARY,
                        f"{_SPEC}.networkDevice",
                    ),
                ),
                Section(
                    N_("Features"),
                    (
                        f"{_FEATURES}.ipvs",
                        f"{_FEATURES}.gpuType",
                        f"{_FEATURES}.csiOperator",
                        f"{_FEATURES}.csiOperator.version",
                    ),
                ),
                Section(
                    ADVANCED,
                    (
                        f"{_SPEC}.serviceCIDR",
                        f"{_SPEC}.dnsDomain",
                        f"{_SPEC}.publicAlternativeNames",
                        f"{_SPEC}.properties.oversoldRatio",
                    ),
                    folded=True,
                ),
            ),
        ),
        Step(
            "registry",
            N_("Registry"),
            (
                Section(
                    N_("Registry"),
                    (
                        "Config.registry",
                        "Config.registry.tke.domain",
                        "Config.registry.thirdParty.domain",
                        "Config.registry.thirdParty.namespace",
                        "Config.registry.thirdParty.username",
                        "Config.registry.thirdParty.password",
                    ),
                ),
            ),
        ),
        Step(
            "auth",
            N_("Logins"),
            (
                Section(
                    N_("Logins"),
                    (
                        "Config.auth",
                        "Config.auth.oidc.issuerURL",
                        "Config.auth.oidc.clientID",
                        "Config.auth.oidc.caCert",
                    ),
                ),
            ),
        ),
        Step(
            "features",
            N_("Features"),
            (
                Section(N_("Business management"), ("Config.business",)),
                Section(
                    N_("Monitoring"),
                    (
                        "Config.monitor",
                        "Config.monitor.influxDB.external.url",
                        "Config.monitor.influxDB.external.username",
                        "Config.monitor.influxDB.external.password",
                        "Config.monitor.es.url",
                        "Config.monitor.es.username",
                        "Config.monitor.es.password",
                    ),
                ),
                Section(
                    N_("Audit"),
                    (
                        "Config.audit",
                        "Config.audit.elasticSearch.address",
                        "Config.audit.elasticSearch.reserveDays",
                        "Config.audit.elasticSearch.username",
                        "Config.audit.elasticSearch.password",
                    ),
                ),
                Section(
                    N_("Log collection"),
                    ("Config.logagent.domain", "Config.logagent.namespace"),
                    help=N_("Always installed. Other documents may carry two names that nothing uses."),
                    folded=True,
                ),
            ),
        ),
        Step(
            "gateway",
            N_("Console"),
            (
                Section(
                    N_("Web console"),
                    (
                        "Config.gateway",
                        "Config.gateway.domain",
                        "Config.gateway.cert",
                        "Config.gateway.cert.thirdParty.certificate",
                        "Config.gateway.cert.thirdParty.privateKey",
                    ),
                ),
            ),
        ),
        Step(
            "advanced",
            N_("More"),
            (
                Section(
                    N_("This run"),
                    (
                        "options.replicas",
                        "options.syncProjectsWithNamespaces",
                        "options.hostKeyPolicy",
                        "options.sshConfig",
                        "options.useAgent",
                        "options.hostsFile",
                        "options.dockerSocket",
                    ),
                    folded=True,
                ),
                Section(N_("Ignored checks"), ("options.ignorePreflight",), folded=True),
                Section(N_("Skipped steps"), ("Config.skipSteps",), folded=True),
                Section(N_("Skipped handlers"), (f"{_FEATURES}.skipConditions",), folded=True),
                Section(N_("Files and hooks"), (f"{_FEATURES}.files", f"{_FEATURES}.hooks"), folded=True),
                Section(
                    N_("Options of the components"),
                    (
                        f"{_SPEC}.dockerExtraArgs",
                        f"{_SPEC}.kubeletExtraArgs",
                        f"{_SPEC}.apiServerExtraArgs",
                        f"{_SPEC}.controllerManagerExtraArgs",
                        f"{_SPEC}.schedulerExtraArgs",
                    ),
                    help=N_("Names without --, e.g. data-root = /data/docker."),
                    folded=True,
                ),
                Section(
                    N_("etcd"),
                    (
                        f"{_SPEC}.etcd.local.dataDir",
                        f"{_SPEC}.etcd.local.extraArgs",
                        f"{_SPEC}.etcd.local.serverCertSANs",
                        f"{_SPEC}.etcd.local.peerCertSANs",
                        f"{_SPEC}.etcd.external",
                    ),
                    folded=True,
                ),
                Section(
                    N_("Authorization webhook"),
                    (
                        f"{_FEATURES}.authzWebhookAddr",
                        f"{_FEATURES}.authzWebhookAddr.external.ip",
                        f"{_FEATURES}.authzWebhookAddr.external.port",
                    ),
                    folded=True,
                ),
                Section(
                    N_("Later upgrades"),
                    (f"{_SPEC}.upgrade.mode", f"{_SPEC}.upgrade.strategy.maxUnready"),
                    folded=True,
                ),
                Section(
                    N_("Labels of the cluster"),
                    ("cluster.metadata.labels", "cluster.metadata.annotations"),
                    folded=True,
                ),
                Section(
                    N_("Kept for other installers"),
                    (
                        "cluster.apiVersion",
                        "cluster.kind",
                        f"{_SPEC}.type",
                        f"{_SPEC}.networkType",
                        f"{_FEATURES}.publicLB",
                        f"{_FEATURES}.internalLB",
                        f"{_FEATURES}.ha",
                        f"{_FEATURES}.ha.tke.vip",
                        f"{_FEATURES}.ha.tke.vrid",
                        f"{_FEATURES}.ha.thirdParty.vip",
                        f"{_FEATURES}.ha.thirdParty.vport",
                    ),
                    folded=True,
                ),
                Section(
                    N_("Set by the installer"),
                    (
                        "cluster.metadata.name",
                        f"{_SPEC}.tenantID",
                        f"{_SPEC}.displayName",
                        f"{_SPEC}.finalizers",
                        f"{_FEATURES}.enableMasterSchedule",
                        "Config.auth.tke.tenantID",
                        "Config.auth.tke.username",
                        "Config.registry.tke.namespace",
                        "Config.registry.tke.username",
                    ),
                    help=N_("Whatever a document says: these are always replaced."),
                    folded=True,
                    fixed=True,
                ),
            ),
            about=("cluster", "Config", "options"),
        ),
    )
}
"""The screens by name, in their order; `machines` has a table of its own."""

REVIEW = "review"

TYPED_TWICE = frozenset(
    path.removesuffix(AGAIN)
    for step in STEPS.values()
    for section in step.sections
    for path in section.paths
    if path.endswith(AGAIN)
)
"""Passwords that nobody could correct later."""

ASKED_ELSEWHERE = ("cluster.spec.machines",)
"""Asked for by a screen that is more than a list of lines."""

NOT_ASKED: Mapping[str, str] = {
    "cluster.status": N_("Written by the installer."),
    "cluster.spec.clusterCredentialRef": N_("Written by the installer."),
    "Config.auth.tke.password": N_("Always the administrator's."),
    "Config.registry.tke.password": N_("Always the administrator's."),
}
"""What nobody is asked for, with everything below it, and why. A document that has it keeps it."""

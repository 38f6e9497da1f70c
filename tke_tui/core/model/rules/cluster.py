"""The Cluster object itself: kind, version, etcd, names, extra arguments, upgrade."""

from __future__ import annotations

import re

from tke_tui.core.model.cluster import API_VERSION, KIND
from tke_tui.core.model.rules.base import Scope, check_hostname, ipv4, is_hostname

UPGRADE_MODES = ("Auto", "Manual")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_DEVICE = re.compile(r"[^\s/]{1,15}")

OWN_ARGUMENTS = {
    "apiServerExtraArgs": frozenset({"token-auth-file"}),
    "controllerManagerExtraArgs": frozenset(
        {"allocate-node-cidrs", "node-cidr-mask-size", "cluster-cidr", "service-cluster-ip-range"}
    ),
    "schedulerExtraArgs": frozenset({"use-legacy-policy-config", "policy-config-file"}),
    "kubeletExtraArgs": frozenset({"pod-infra-container-image"}),
}
"""Arguments that the installation computes itself; a value of one's own breaks it or is not used."""


def check_cluster(scope: Scope) -> None:
    cluster, findings = scope.para.cluster, scope.findings
    spec = cluster.spec
    for key, value, wanted in (
        ("apiVersion", cluster.api_version, API_VERSION),
        ("kind", cluster.kind, KIND),
        ("spec.type", spec.type, "Baremetal"),
    ):
        if value != wanted:
            findings.error(f"cluster.{key}", value, f"this installer makes {wanted} only", f"Write {wanted}.")
    _version(scope)
    if _DEVICE.fullmatch(spec.network_device) is None:
        findings.error(
            "cluster.spec.networkDevice",
            spec.network_device,
            "no name of a network interface",
            "Write the name that `ip link` shows, e.g. eth0.",
        )
    for index, name in enumerate(spec.public_alternative_names):
        if ipv4(name) is None:
            check_hostname(findings, f"cluster.spec.publicAlternativeNames[{index}]", name.removeprefix("*."))
    _etcd(scope)
    _upgrade(scope)
    _arguments(scope)


def _version(scope: Scope) -> None:
    path, version = "cluster.spec.version", scope.para.cluster.spec.version
    known = scope.kubernetes_versions
    offered = f"The bundle offers {', '.join(known)}." if known else "e.g. 1.20.2"
    if known and version not in known:
        hint = f"Write it without v. {offered}" if version.removeprefix("v") in known else offered
        scope.findings.error(path, version, "this Kubernetes version is not in the bundle", hint)
    elif version and _VERSION.fullmatch(version) is None:
        scope.findings.error(
            path, version, "no Kubernetes version", f"Write three numbers without v, {offered}"
        )


def _etcd(scope: Scope) -> None:
    etcd, findings = scope.para.cluster.spec.etcd, scope.findings
    if etcd is None:
        return
    if etcd.external is not None:
        findings.error(
            "cluster.spec.etcd.external",
            None,
            "an external etcd is not supported: the platform's certificates need the CA key of etcd",
            "Remove it; etcd then runs on the masters.",
        )
    if etcd.local is not None:
        if etcd.local.data_dir and not etcd.local.data_dir.startswith("/"):
            findings.error(
                "cluster.spec.etcd.local.dataDir",
                etcd.local.data_dir,
                "not an absolute path",
                "Begin with a slash.",
            )
        names = (("serverCertSANs", etcd.local.server_cert_sans), ("peerCertSANs", etcd.local.peer_cert_sans))
        for key, values in names:
            for index, name in enumerate(values):
                if ipv4(name) is None and not is_hostname(name.removeprefix("*.")):
                    findings.error(
                        f"cluster.spec.etcd.local.{key}[{index}]",
                        name,
                        "neither a host name nor an IPv4 address",
                        "Correct or remove it.",
                    )


def _upgrade(scope: Scope) -> None:
    upgrade, findings = scope.para.cluster.spec.upgrade, scope.findings
    if upgrade.mode not in UPGRADE_MODES:
        findings.error("cluster.spec.upgrade.mode", upgrade.mode, "no upgrade mode", "Use Auto or Manual.")
    limit = upgrade.strategy.max_unready
    good = limit >= 0 if isinstance(limit, int) else re.fullmatch(r"(100|\d{1,2})%", limit or "") is not None
    if not good:
        findings.error(
            "cluster.spec.upgrade.strategy.maxUnready",
            limit,
            "neither a number nor a percentage",
            "Write a number such as 0, or a text such as 10%.",
        )


def _arguments(scope: Scope) -> None:
    spec, findings = scope.para.cluster.spec, scope.findings
    groups = {
        "dockerExtraArgs": spec.docker_extra_args,
        "kubeletExtraArgs": spec.kubelet_extra_args,
        "apiServerExtraArgs": spec.api_server_extra_args,
        "controllerManagerExtraArgs": spec.controller_manager_extra_args,
        "schedulerExtraArgs": spec.scheduler_extra_args,
    }
    for group, arguments in groups.items():
        for name in arguments:
            path = f"cluster.spec.{group}.{name}"
            if re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name) is None:
                findings.error(
                    path, name, "no option name", "Write it without leading -- and without =value."
                )
            elif name in OWN_ARGUMENTS.get(group, ()):
                findings.warning(
                    path,
                    None,
                    "the installer computes this option itself",
                    "Remove it unless you must have it.",
                )

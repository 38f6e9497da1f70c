"""The console's and the registry's host names: valid, different, and outside of the cluster's own DNS."""

from __future__ import annotations

from tke_tui.core.model.defaults import TENANT_ID
from tke_tui.core.model.rules.base import Scope, check_hostname


def check_names(scope: Scope) -> None:
    config, findings = scope.para.config, scope.findings
    gateway = config.gateway.domain.lower() if config.gateway is not None else ""
    if gateway:
        check_hostname(findings, "Config.gateway.domain", gateway)
    registries = {}
    if config.registry.tke is not None:
        registries["Config.registry.tke.domain"] = config.registry.tke.domain.lower()
    if config.registry.third_party is not None:
        third_party = config.registry.third_party.domain.lower().partition(":")[0]
        registries["Config.registry.thirdParty.domain"] = third_party
    for path, domain in registries.items():
        if gateway and gateway in (domain, f"{TENANT_ID}.{domain}"):
            findings.error(
                "Config.gateway.domain",
                gateway,
                f"the same name as {path} or its tenant's name",
                "Give console and registry different names, e.g. console.… and registry.….",
            )
    if len(set(registries.values())) < len(registries):
        findings.error(
            "Config.registry.tke.domain",
            registries["Config.registry.tke.domain"],
            "the same name as Config.registry.thirdParty.domain",
            "Give the two registries different names, or remove one.",
        )
    dns_domain = scope.para.cluster.spec.dns_domain.lower()
    for path, domain in {"Config.gateway.domain": gateway, **registries}.items():
        if dns_domain and (domain == dns_domain or domain.endswith(f".{dns_domain}")):
            findings.error(
                path,
                domain,
                f"lies in the cluster's own DNS domain {dns_domain}",
                "Take a name outside of it.",
            )

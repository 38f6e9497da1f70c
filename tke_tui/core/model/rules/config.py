"""Administrator, authentication and registry."""

from __future__ import annotations

import re

from cryptography import x509

from tke_tui.core.model.config import OIDCAuth, ThirdPartyRegistry
from tke_tui.core.model.defaults import DEFAULT_ADMIN
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.rules.base import (
    Scope,
    check_both_or_neither,
    check_hostname,
    check_password,
    check_url,
    is_hostname,
    is_port,
)

_NAMESPACE = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
_USERNAME = re.compile(r"[a-z][a-z0-9._-]*")


def check_config(scope: Scope) -> None:
    _basic(scope)
    _auth(scope)
    _registry(scope)


def _basic(scope: Scope) -> None:
    config, findings = scope.para.config, scope.findings
    basic = config.basic
    if basic is None:
        return
    # Beyond the original's rule: its own authentication takes its administrator from here, too.
    if config.gateway is not None or config.registry.tke is not None or config.auth.tke is not None:
        if not basic.username:
            findings.error(
                "Config.basic.username", None, "the administrator's name is missing", "Add it, e.g. admin."
            )
        if not basic.password:
            findings.error(
                "Config.basic.password", None, "the administrator's password is missing", "Add it in base64."
            )
    if basic.username and _USERNAME.fullmatch(basic.username) is None:
        findings.warning(
            "Config.basic.username",
            basic.username,
            "other characters than lower-case letters, digits, . _ and - may not work everywhere",
            "Begin with a lower-case letter and use those only.",
        )
    check_password(findings, "Config.basic.password", basic.password)
    if reveal(basic.password) == DEFAULT_ADMIN:
        findings.warning(
            "Config.basic.password", None, "the well-known default password", "Choose a password of your own."
        )


def _auth(scope: Scope) -> None:
    auth = scope.para.config.auth
    if auth.tke is None and auth.oidc is None:
        scope.findings.error(
            "Config.auth", None, "neither tke nor oidc is given", 'Add "tke": {} for the built-in one.'
        )
    if auth.oidc is not None:
        _oidc(scope.findings, "Config.auth.oidc", auth.oidc)


def _oidc(findings: Findings, path: str, oidc: OIDCAuth) -> None:
    check_url(findings, f"{path}.issuerURL", oidc.issuer_url)
    if oidc.issuer_url.startswith("http://"):
        findings.warning(
            f"{path}.issuerURL", oidc.issuer_url, "OpenID Connect wants https", "Use an https issuer."
        )
    if not oidc.client_id:
        findings.error(f"{path}.clientID", None, "the client id is missing", "Add the one of the provider.")
    if oidc.ca_cert is not None:
        try:
            x509.load_pem_x509_certificates(oidc.ca_cert)
        except ValueError:
            findings.error(
                f"{path}.caCert", None, "holds no PEM certificate", "Write the base64 of the whole PEM file."
            )


def _registry(scope: Scope) -> None:
    registry, findings = scope.para.config.registry, scope.findings
    if registry.tke is None and registry.third_party is None:
        findings.error(
            "Config.registry", None, "neither tke nor thirdParty is given", 'Add "tke": {} to install one.'
        )
    if registry.tke is not None:
        check_hostname(findings, "Config.registry.tke.domain", registry.tke.domain)
    if registry.third_party is not None:
        _third_party(findings, "Config.registry.thirdParty", registry.third_party)
        if registry.tke is not None:
            findings.warning(
                "Config.registry",
                None,
                "tke and thirdParty are both given: images come from thirdParty",
                "Remove tke unless the platform's registry shall be installed as well.",
            )


def _third_party(findings: Findings, path: str, registry: ThirdPartyRegistry) -> None:
    host, colon, port = registry.domain.partition(":")
    bad_port = bool(colon) and not (port.isascii() and port.isdigit() and is_port(int(port[:6])))
    if not registry.domain:
        findings.error(f"{path}.domain", None, "the registry's address is missing", "Add host or host:port.")
    elif bad_port or not is_hostname(host):
        findings.error(
            f"{path}.domain",
            registry.domain if "@" not in registry.domain else None,
            "not host or host:port",
            "Write it like registry.example.com:5000, without http:// and without a path.",
        )
    if not registry.namespace:
        findings.error(f"{path}.namespace", None, "the namespace is missing", "Add it, e.g. library.")
    elif _NAMESPACE.fullmatch(registry.namespace) is None:
        findings.error(
            f"{path}.namespace",
            registry.namespace,
            "not a namespace of a registry",
            "Use lower-case letters and digits, joined by . _ or -, and no slash.",
        )
    check_both_or_neither(findings, path, registry.username, registry.password)
    check_password(findings, f"{path}.password", registry.password)

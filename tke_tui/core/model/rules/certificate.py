"""The console's own certificate: belongs to the key, covers the names, is valid now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tke_tui.core.model.config import Cert, ThirdPartyCert
from tke_tui.core.model.findings import Findings
from tke_tui.core.model.rules.base import Scope, ipv4
from tke_tui.core.model.rules.private_keys import KeyState, read_private_key

SOON = timedelta(days=30)

_CERT = "Config.gateway.cert.thirdParty.certificate"
_KEY = "Config.gateway.cert.thirdParty.privateKey"
_PEM_FIX = "Write the base64 of the whole PEM file, as `base64 -w0 FILE` prints it."


def check_certificate(scope: Scope) -> None:
    gateway = scope.para.config.gateway
    cert = gateway.cert if gateway is not None else None
    if cert is None or cert.third_party is None:
        return
    _choice(scope.findings, cert)
    chain = _chain(scope.findings, cert.third_party)
    key = _public_key(scope.findings, cert.third_party)
    if not chain:
        return
    if key is not None and not _pair(scope.findings, chain, key):
        return
    _order(scope.findings, chain)
    _validity(scope, chain)
    _names(scope, chain[0])


def _choice(findings: Findings, cert: Cert) -> None:
    if cert.self_signed is not None:
        findings.error(
            "Config.gateway.cert", None, "both selfSigned and thirdParty are given", "Keep one of them."
        )


def _chain(findings: Findings, cert: ThirdPartyCert) -> Sequence[x509.Certificate]:
    if cert.certificate is None:
        findings.error(_CERT, None, "the certificate is missing", f"Add it. {_PEM_FIX}")
        return ()
    try:
        chain = x509.load_pem_x509_certificates(cert.certificate)
        for member in chain:
            member.public_key()
        return chain
    except (ValueError, UnsupportedAlgorithm):
        findings.error(_CERT, None, "holds no readable PEM certificate", _PEM_FIX)
        return ()


def _public_key(findings: Findings, cert: ThirdPartyCert) -> PublicKeyTypes | None:
    if cert.private_key is None:
        findings.error(_KEY, None, "the private key is missing", f"Add it. {_PEM_FIX}")
        return None
    key = read_private_key(cert.private_key.get_secret_value())
    if key.state is KeyState.ENCRYPTED:
        findings.error(
            _KEY, None, "is protected by a pass phrase", "Remove it: `openssl pkey -in FILE -out PLAIN`."
        )
    elif key.state is not KeyState.GOOD:
        findings.error(_KEY, None, "holds no readable PEM private key", _PEM_FIX)
    return key.public


def _pair(findings: Findings, chain: Sequence[x509.Certificate], key: PublicKeyTypes) -> bool:
    own = _spki(key)
    places = [index for index, cert in enumerate(chain) if _spki(cert.public_key()) == own]
    if not places:
        findings.error(
            _KEY, None, "does not belong to the certificate", "Give the key it was requested with."
        )
    elif places[0] != 0:
        findings.error(
            _CERT,
            None,
            f"the key belongs to certificate number {places[0] + 1} of {len(chain)}",
            "Put the server's own certificate first and its issuers after it.",
        )
    return places[:1] == [0]


def _spki(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _order(findings: Findings, chain: Sequence[x509.Certificate]) -> None:
    for index, (cert, issuer) in enumerate(pairwise(chain), start=1):
        try:
            cert.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            findings.error(
                _CERT,
                None,
                f"certificate number {index + 1} of {len(chain)} is not the issuer of number {index}",
                "Give the server's certificate alone, or followed by its issuers in order.",
            )


def _validity(scope: Scope, chain: Sequence[x509.Certificate]) -> None:
    for index, cert in enumerate(chain, start=1):
        which = "" if index == 1 else f"issuer certificate number {index}: "
        end, begin = cert.not_valid_after_utc, cert.not_valid_before_utc
        if end < scope.now:
            scope.findings.error(_CERT, end, f"{which}expired on {end:%Y-%m-%d}", "Renew it.")
        elif begin > scope.now:
            scope.findings.error(
                _CERT, begin, f"{which}not valid before {begin:%Y-%m-%d}", "Check the clock, or wait."
            )
        elif end < scope.now + SOON:
            scope.findings.warning(_CERT, end, f"{which}expires on {end:%Y-%m-%d}", "Renew it soon.")


def _names(scope: Scope, cert: x509.Certificate) -> None:
    dns, addresses = _subject_names(cert)
    config = scope.para.config
    wanted = {}
    if config.gateway is not None:
        wanted[config.gateway.domain.lower()] = "Config.gateway.domain"
    if config.registry.tke is not None:
        domain = config.registry.tke.domain.lower()
        wanted[domain] = "Config.registry.tke.domain"
        wanted[f"*.{domain}"] = "the tenants' names below Config.registry.tke.domain"
    for name, origin in wanted.items():
        covered = name in addresses if ipv4(name) else any(_covers(pattern, name) for pattern in dns)
        if not covered:
            scope.findings.error(
                _CERT,
                ", ".join([*dns, *sorted(addresses)]) or None,
                f"does not cover {name} ({origin})",
                f"Get a certificate with the DNS name {name} among its subject alternative names.",
            )


def _subject_names(cert: x509.Certificate) -> tuple[list[str], set[str]]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return [], set()
    dns = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return dns, {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def _covers(pattern: str, name: str) -> bool:
    """Whether a certificate's DNS name covers `name`; a wildcard stands for exactly one label (RFC 6125)."""
    if pattern == name:
        return True
    first, _, rest = name.partition(".")
    return pattern.startswith("*.") and first != "*" and pattern[2:] == rest

"""Certificates that we make ourselves: RSA 2048, PEM, private keys in PKCS#1 form (as Kubernetes' own tools write).

A leaf never outlives its CA. The original gave leaves 100 years under a CA of 10: they stop working with the CA all
the same, while everything that watches expiry dates believes otherwise.
"""

from __future__ import annotations

import ipaddress
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from tke_tui.core.model.para import CreateClusterPara

# The CAs that kubeadm makes have the serial number 0; nobody who installs a cluster can do anything about it.
warnings.filterwarnings("ignore", "Parsed a serial number", CryptographyDeprecationWarning)

KEY_BITS = 2048
CA_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SLACK = timedelta(hours=1)
"""Certificates are valid a little before now: the machines' clocks may be behind ours."""

COMPONENTS = (
    "tke-platform-api",
    "tke-business-api",
    "tke-notify-api",
    "tke-auth-api",
    "tke-gateway",
    "tke-monitor-api",
    "tke-registry-api",
    "tke-logagent-api",
    "tke-audit-api",
)
NAMESPACE = "tke"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM text; the key is not in `repr`."""

    cert_pem: str
    key_pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a leaf certificate is for: its subject, names, addresses and usages."""

    common_name: str
    organization: str = ""
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    server: bool = False
    client: bool = False


ADMIN = Profile("admin", "system:masters", client=True)


def server_profile(para: CreateClusterPara) -> Profile:
    """The certificate of the TKE components: reachable by service name, through the gateway and on the machines."""
    dns: list[str] = []
    if para.config.gateway is not None and para.config.gateway.domain:
        dns.append(para.config.gateway.domain)
    if para.config.registry.tke is not None and para.config.registry.tke.domain:
        dns += [para.config.registry.tke.domain, f"*.{para.config.registry.tke.domain}"]
    dns.append("localhost")
    for name in COMPONENTS:
        dns += [name, f"{name}.{NAMESPACE}.svc", name.removeprefix("tke-")]
    addresses = ["127.0.0.1", *(str(machine.ip) for machine in para.machines), para.vip]
    ips = [address for address in addresses if address and _is_address(address)]
    dns += [address for address in addresses if address and not _is_address(address)]
    return Profile(
        "TKE-SERVER",
        "Tencent",
        dns=tuple(dict.fromkeys(dns)),
        ips=tuple(dict.fromkeys(ips)),
        server=True,
        client=True,
    )


def registry_profile(domain: str) -> Profile:
    """The certificate of the installer's own registry, under its name and on this host."""
    return Profile(
        "TKE-REGISTRY", "Tencent", (domain, f"*.{domain}", "localhost"), ("127.0.0.1",), server=True
    )


def make_ca(
    common_name: str = "TKE", organization: str = "Tencent", *, now: datetime | None = None
) -> KeyPair:
    """A new self-signed CA, valid for 10 years. Takes about 0.1 s: call it in a thread from async code."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name, start = _name(common_name, organization), (now or datetime.now(UTC)) - CLOCK_SLACK
    certificate = (
        _builder(name, name, key.public_key(), start, start + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def issue(ca: KeyPair, profile: Profile, *, now: datetime | None = None) -> KeyPair:
    """A new leaf signed by `ca`: valid for 10 years, but not longer than the CA."""
    authority = x509.load_pem_x509_certificate(ca.cert_pem.encode())
    signer = _private_key(ca.key_pem)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    start = max((now or datetime.now(UTC)) - CLOCK_SLACK, authority.not_valid_before_utc)
    end = min(start + LEAF_LIFETIME, authority.not_valid_after_utc)
    builder = (
        _builder(
            _name(profile.common_name, profile.organization), authority.subject, key.public_key(), start, end
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_usages(profile)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if profile.dns or profile.ips:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in profile.dns]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in profile.ips]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _pair(builder.sign(signer, hashes.SHA256()), key)


def why_not_ca(pair: KeyPair | None, *, now: datetime | None = None) -> str:
    """Why a CA cannot be used any more ("" when it can)."""
    if pair is None:
        return "there is none"
    try:
        certificate = x509.load_pem_x509_certificate(pair.cert_pem.encode())
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound):
        return "it cannot be read as the certificate of a CA"
    if not constraints.ca:
        return "it is not the certificate of a CA"
    return _why_not(certificate, pair, certificate, now)


def why_not(pair: KeyPair | None, ca: KeyPair, profile: Profile, *, now: datetime | None = None) -> str:
    """Why a leaf cannot be used any more ("" when it can).

    It must be signed by `ca`, belong to its key, have the subject, cover every name, address and usage of `profile`
    and be valid for another 30 days; a CA with less than that left counts as the end of the leaf, too.
    """
    if pair is None:
        return "there is none"
    try:
        certificate = x509.load_pem_x509_certificate(pair.cert_pem.encode())
    except ValueError:
        return "it cannot be read"
    problem = _why_not(certificate, pair, x509.load_pem_x509_certificate(ca.cert_pem.encode()), now)
    if problem:
        return problem
    if certificate.subject != _name(profile.common_name, profile.organization):
        return f"its subject is {certificate.subject.rfc4514_string()}"
    missing = _missing_names(certificate, profile)
    if missing:
        return f"it does not cover {', '.join(missing)}"
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "it names no usages"
    return "" if set(_usages(profile)) <= set(usages) else "it is not made for this use"


def _why_not(
    certificate: x509.Certificate, pair: KeyPair, issuer: x509.Certificate, now: datetime | None
) -> str:
    moment = now or datetime.now(UTC)
    try:
        if _private_key(pair.key_pem).public_key() != certificate.public_key():
            return "its key is another one's"
    except (ValueError, TypeError):
        return "its key cannot be read"
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return "it is signed by another CA"
    if certificate.not_valid_before_utc > moment:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if certificate.not_valid_after_utc - moment < RENEW_BEFORE:
        return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


def _missing_names(certificate: x509.Certificate, profile: Profile) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [*profile.dns, *profile.ips]
    dns = set(names.get_values_for_type(x509.DNSName))
    ips = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return [name for name in profile.dns if name not in dns] + [
        address for address in profile.ips if str(ipaddress.ip_address(address)) not in ips
    ]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _name(common_name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usages(profile: Profile) -> list[x509.ObjectIdentifier]:
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] if profile.server else []
    return usages + ([ExtendedKeyUsageOID.CLIENT_AUTH] if profile.client else [])


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def _pair(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> KeyPair:
    encoding = serialization.Encoding.PEM
    return KeyPair(
        certificate.public_bytes(encoding).decode("ascii"),
        key.private_bytes(
            encoding, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode("ascii"),
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

"""Certificates as kubeadm makes them: same names, groups and usages. CAs have RSA keys as there; the others have
elliptic ones, since they are made quickly.

Within a process the same question gets the same answer, so that two machines can be compared; only `make_server`, for
an API server by itself, has another CA each time.
"""

from __future__ import annotations

import datetime
import ipaddress
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_OF = {
    "apiserver": "ca",
    "apiserver-kubelet-client": "ca",
    "front-proxy-client": "front-proxy-ca",
    "apiserver-etcd-client": "etcd/ca",
    "etcd/server": "etcd/ca",
    "etcd/peer": "etcd/ca",
    "etcd/healthcheck-client": "etcd/ca",
}
"""Certificate -> the CA that signs it (kubeadm's names below /etc/kubernetes/pki)."""

_MASTERS = "system:masters"
_SUBJECTS: dict[str, tuple[str, str | None]] = {
    "apiserver": ("kube-apiserver", None),
    "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", _MASTERS),
    "apiserver-etcd-client": ("kube-apiserver-etcd-client", _MASTERS),
    "etcd/healthcheck-client": ("kube-etcd-healthcheck-client", _MASTERS),
    "admin.conf": ("kubernetes-admin", _MASTERS),
    "controller-manager.conf": ("system:kube-controller-manager", None),
    "scheduler.conf": ("system:kube-scheduler", None),
    "kubelet.conf": ("system:node", "system:nodes"),
}
"""Certificate -> common name and group; the others have their own name and no group."""
_CA_NAMES = {"ca": "kubernetes", "etcd/ca": "etcd-ca"}

_Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_YEAR = datetime.timedelta(days=365)


@cache
def make_ca(name: str) -> tuple[str, str]:
    """Certificate and key of a CA as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    return _pem(_authority(name, key), key)


@cache
def make_leaf(
    name: str, names: tuple[str, ...], ca_pem: str, ca_key_pem: str, serial: int = 1, days: int = 365
) -> tuple[str, str]:
    """Certificate and key of `name` as PEM; `names` are its addresses and DNS names.

    It ends in `days` days; it has ended when they are negative. Raises ValueError when the CA cannot be read.
    """
    ca, ca_key = _load_ca(ca_pem, ca_key_pem)
    return _leaf(name, names, ca, ca_key, serial, days)


def make_server() -> tuple[str, str, str]:
    """(CA, certificate, key) as PEM of an API server at 127.0.0.1 or `kubernetes`: whoever trusts one of these servers
    trusts no other."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority("ca", ca_key)
    return _pem(ca, ca_key)[0], *_leaf("apiserver", ("127.0.0.1", "kubernetes"), ca, ca_key, 2, 365)


def _authority(name: str, key: _Private) -> x509.Certificate:
    subject = _subject(_CA_NAMES.get(name, name))
    builder = _builder(subject, subject, key.public_key(), 10 * _YEAR, 1)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def _leaf(
    name: str, names: tuple[str, ...], ca: x509.Certificate, ca_key: _Private, serial: int, days: int
) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    common_name, group = _SUBJECTS.get(name, (name, None))
    lifetime = datetime.timedelta(days=days)
    builder = _builder(_subject(common_name, group), ca.subject, key.public_key(), lifetime, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if names:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
        general = [_general_name(text) for text in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return _pem(builder.sign(ca_key, hashes.SHA256()), key)


@cache
def _load_ca(ca_pem: str, ca_key_pem: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = serialization.load_pem_private_key(ca_key_pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the key of the CA is no RSA key")
    return x509.load_pem_x509_certificate(ca_pem.encode()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, public: _Public, lifetime: datetime.timedelta, serial: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(now - datetime.timedelta(days=1000))
        .not_valid_after(now + lifetime)
    )


def _subject(common_name: str, group: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if group is not None:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _pem(certificate: x509.Certificate, key: _Private) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)

"""Looking into certificates that kubeadm made."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from cryptography import x509


def names_in(pem: str) -> set[str]:
    """DNS names and IP addresses a certificate is valid for; empty when `pem` is no certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return set()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.get_values_for_type(x509.DNSName))


def covers(pem: str, names: Iterable[str]) -> bool:
    """True when the certificate is valid for every one of `names`."""
    present = names_in(pem)
    return all(_canonical(name) in present for name in names)


def _canonical(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name

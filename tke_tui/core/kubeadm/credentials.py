"""The secrets in kubeadm's documents, and the pin by which a joining machine recognises the cluster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tke_tui.core.context import Mode

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.secrets import SecretStore

TOKEN = "cluster/token"  # noqa: S105 - names of secrets, not secrets
BOOTSTRAP_TOKEN = "cluster/bootstrap-token"  # noqa: S105
CERTIFICATE_KEY = "cluster/certificate-key"
CA_CERT = "cluster/ca.crt"
KEEPALIVED_PASSWORD = "cluster/keepalived-auth"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Credentials:
    """`bootstrap_token` is `<6>.<16>` of [a-z0-9]; `certificate_key` 32 bytes in hex."""

    bootstrap_token: str = field(repr=False)
    certificate_key: str = field(repr=False)

    @classmethod
    def of(cls, secrets: SecretStore) -> Credentials:
        """Those of this installation. Raises `StateError` before EnsureClusterComplete made them."""
        return cls(secrets.require(BOOTSTRAP_TOKEN), secrets.require(CERTIFICATE_KEY))


def ca_cert_hash(ca_pem: str) -> str:
    """`sha256:<hex>` over the public key (SubjectPublicKeyInfo, DER) of a CA certificate, as kubeadm pins it.

    Raises ValueError when `ca_pem` is no certificate.
    """
    key = x509.load_pem_x509_certificate(ca_pem.encode()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def secret_or_planned(ctx: Context, name: str) -> str:
    """A secret of the installation; "" for a check or a plan that comes before it was made.

    Raises `StateError` when a run lacks it.
    """
    if ctx.mode is Mode.RUN:
        return ctx.secrets.require(name)
    return ctx.secrets.get(name) or ""

"""The console's own certificate against its key, the host names and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.core.model.inputs import VERSIONS, b64, changed, good_document
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.load import parse_para
from tke_tui.core.model.validate import validate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COVERED = ("console.tke.com", "registry.tke.com", "*.registry.tke.com")
PEM, PKCS8 = Encoding.PEM, PrivateFormat.PKCS8


class Issuer:
    """A certificate with its key; signs others."""

    def __init__(
        self, name: str, issuer: Issuer | None = None, names: Sequence[str] = (), days: int = 365
    ) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=100))
            .not_valid_after(NOW + timedelta(days=days))
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), False)
        self.cert = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(PEM, PKCS8, NoEncryption())


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name[-1].isdigit() else x509.DNSName(name)


def leaf(names: Sequence[str] = COVERED, issuer: Issuer | None = None, days: int = 365) -> Issuer:
    return Issuer("leaf", issuer, names, days)


def check(
    certificate: bytes, key: bytes, changes: dict[str, Any] | None = None, *, now: datetime = NOW
) -> list[Finding]:
    third_party = {"certificate": b64(certificate), "privateKey": b64(key)}
    document = changed(
        {"Config.gateway.cert": {"thirdParty": third_party}, **(changes or {})}, good_document()
    )
    loaded = parse_para(document)
    assert loaded.para is not None
    report = validate(loaded.para, kubernetes_versions=VERSIONS, source=loaded, now=now)
    return [*report.errors, *report.warnings]


def messages(found: Sequence[Finding]) -> str:
    return "\n".join(f"{f.severity}: {f.message}" for f in found)


def test_a_certificate_that_covers_all_names_passes() -> None:
    own = leaf()

    assert check(own.pem, own.key_pem) == []


def test_a_chain_with_the_leaf_first_passes() -> None:
    root = Issuer("root")
    middle = Issuer("middle", root)
    own = leaf(issuer=middle)

    assert check(own.pem + middle.pem + root.pem, own.key_pem) == []


def test_a_chain_with_the_leaf_last_is_explained() -> None:
    root = Issuer("root")
    own = leaf(issuer=root)

    (found,) = check(root.pem + own.pem, own.key_pem)

    assert "the key belongs to certificate number 2 of 2" in found.message
    assert "first" in found.fix


def test_a_chain_with_a_stranger_in_it_is_explained() -> None:
    own, stranger = leaf(issuer=Issuer("root")), Issuer("stranger")

    assert "number 2 of 2 is not the issuer of number 1" in messages(
        check(own.pem + stranger.pem, own.key_pem)
    )


def test_a_foreign_key_is_refused() -> None:
    (found,) = check(leaf().pem, leaf().key_pem)

    assert found.path == "Config.gateway.cert.thirdParty.privateKey"
    assert "does not belong" in found.message


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("registry.tke.com", "*.registry.tke.com"), "console.tke.com"),
        (("console.tke.com", "*.registry.tke.com"), "registry.tke.com"),
        (("console.tke.com", "registry.tke.com"), "*.registry.tke.com"),
        (("*.tke.com",), "*.registry.tke.com"),
        (("*.com", "registry.tke.com", "*.registry.tke.com"), "console.tke.com"),
        ((), "console.tke.com"),
    ],
)
def test_the_name_that_is_not_covered_is_named(names: Sequence[str], missing: str) -> None:
    own = leaf(names)

    assert f"error: does not cover {missing} (" in messages(check(own.pem, own.key_pem))


def test_a_wildcard_covers_one_label() -> None:
    own = leaf(("*.TKE.com", "*.registry.tke.com"))

    assert check(own.pem, own.key_pem) == []


def test_without_the_platforms_registry_only_the_console_must_be_covered() -> None:
    own = leaf(("console.tke.com",))
    third_party = {"domain": "registry.example.com", "namespace": "tke"}

    assert check(own.pem, own.key_pem, {"Config.registry": {"thirdParty": third_party}}) == []


def test_a_console_reached_by_address_needs_that_address() -> None:
    own = leaf(("192.0.2.100", *COVERED[1:]))

    assert check(own.pem, own.key_pem, {"Config.gateway.domain": "192.0.2.100"}) == []
    assert "does not cover 192.0.2.101" in messages(
        check(own.pem, own.key_pem, {"Config.gateway.domain": "192.0.2.101"})
    )


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (NOW + timedelta(days=366), "error: expired on 2027-06-01"),
        (NOW - timedelta(days=101), "error: not valid before 2026-02-21"),
        (NOW + timedelta(days=336), "warning: expires on 2027-06-01"),
    ],
)
def test_validity_is_judged_by_the_clock(now: datetime, says: str) -> None:
    own = leaf()

    assert messages(check(own.pem, own.key_pem, now=now)) == says


def test_an_expired_issuer_is_reported() -> None:
    root = Issuer("root", days=-1)
    own = leaf(issuer=root)

    assert messages(check(own.pem + root.pem, own.key_pem)) == (
        "error: issuer certificate number 2: expired on 2026-05-31"
    )


def test_unreadable_parts_are_told_apart() -> None:
    own = leaf()
    protected = own.key.private_bytes(PEM, PKCS8, BestAvailableEncryption(b"x"))

    assert "holds no readable PEM certificate" in messages(check(b"rubbish", own.key_pem))
    assert "holds no readable PEM private key" in messages(check(own.pem, b"rubbish"))
    assert "protected by a pass phrase" in messages(check(own.pem, protected))
    assert "the private key is missing" in messages(check(own.pem, b""))
    assert "the certificate is missing" in messages(check(b"", own.key_pem))


def test_self_signed_and_own_certificate_exclude_each_other() -> None:
    own = leaf()

    assert "both selfSigned and thirdParty" in messages(
        check(own.pem, own.key_pem, {"Config.gateway.cert.selfSigned": {}})
    )

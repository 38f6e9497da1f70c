"""Certificates: what they say, when one made earlier is good enough, and that a TLS client accepts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from tke_tui.core import pki
from tke_tui.core.model.config import Config, Gateway, Registry, TKERegistry
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara


@pytest.fixture(scope="module")
def ca() -> pki.KeyPair:
    return pki.make_ca()


@pytest.fixture
def para() -> CreateClusterPara:
    para = CreateClusterPara()
    para.cluster.spec.machines = [Machine(ip="10.0.0.1"), Machine(ip="10.0.0.2")]
    para.config = Config(
        gateway=Gateway(domain="console.tke.com"),
        registry=Registry(tke=TKERegistry(domain="registry.tke.com")),
    )
    return para


def certificate(pair: pki.KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.cert_pem.encode())


def test_the_server_certificate_covers_services_domains_and_machines(
    ca: pki.KeyPair, para: CreateClusterPara
) -> None:
    profile = pki.server_profile(para)
    cert = certificate(pki.issue(ca, profile))
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    assert {"console.tke.com", "registry.tke.com", "*.registry.tke.com", "localhost"} <= set(dns)
    assert {"tke-platform-api", "tke-platform-api.tke.svc", "platform-api", "audit-api", "gateway"} <= set(
        dns
    )
    assert len(dns) == 4 + 9 * 3
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == [
        "127.0.0.1",
        "10.0.0.1",
        "10.0.0.2",
    ]
    assert cert.subject.rfc4514_string() == "CN=TKE-SERVER,O=Tencent"
    usages = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_a_strict_verifier_accepts_the_chain(ca: pki.KeyPair, para: CreateClusterPara) -> None:
    cert = certificate(pki.issue(ca, pki.server_profile(para)))
    verifier = (
        PolicyBuilder().store(Store([certificate(ca)])).build_server_verifier(x509.DNSName("tke-auth-api"))
    )
    assert verifier.verify(cert, [])[0] == cert


def test_the_admin_certificate_is_of_the_masters_group_and_for_clients_only(ca: pki.KeyPair) -> None:
    cert = certificate(pki.issue(ca, pki.ADMIN))
    assert cert.subject.rfc4514_string() == "CN=admin,O=system:masters"
    assert list(cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]


def test_keys_are_rsa_2048_in_pkcs1_form_and_stay_out_of_repr(ca: pki.KeyPair) -> None:
    assert ca.key_pem.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert certificate(ca).public_key().key_size == 2048  # type: ignore[union-attr]
    assert "PRIVATE" not in repr(ca)


def test_a_leaf_never_outlives_its_ca_though_the_original_gave_it_100_years(ca: pki.KeyPair) -> None:
    later = datetime.now(UTC) + timedelta(days=2000)
    leaf = certificate(pki.issue(ca, pki.ADMIN, now=later))
    assert leaf.not_valid_after_utc == certificate(ca).not_valid_after_utc
    assert leaf.not_valid_before_utc >= certificate(ca).not_valid_before_utc


def test_a_machine_with_a_clock_behind_ours_accepts_a_new_certificate(ca: pki.KeyPair) -> None:
    cert = certificate(pki.issue(ca, pki.ADMIN))
    assert cert.not_valid_before_utc <= datetime.now(UTC) - timedelta(minutes=50)


def test_what_was_made_is_good_enough_and_what_no_longer_fits_is_not(
    ca: pki.KeyPair, para: CreateClusterPara
) -> None:
    profile = pki.server_profile(para)
    pair = pki.issue(ca, profile)
    assert pki.why_not_ca(ca) == ""
    assert pki.why_not(pair, ca, profile) == ""
    assert pki.why_not(None, ca, profile) == "there is none"
    assert "cannot be read" in pki.why_not(pki.KeyPair("x", "y"), ca, profile)
    para.cluster.spec.machines.append(Machine(ip="10.0.0.3"))
    assert pki.why_not(pair, ca, pki.server_profile(para)) == "it does not cover 10.0.0.3"
    other = pki.make_ca()
    assert pki.why_not(pair, other, profile) == "it is signed by another CA"
    stranger = pki.KeyPair(pair.cert_pem, other.key_pem)
    assert pki.why_not(stranger, ca, profile) == "its key is another one's"
    soon = certificate(pair).not_valid_after_utc - timedelta(days=29)
    assert "it ends on" in pki.why_not(pair, ca, profile, now=soon)
    assert "it ends on" in pki.why_not_ca(ca, now=soon)
    assert "not made for this use" in pki.why_not(
        pki.issue(ca, pki.Profile("admin", "system:masters", server=True)), ca, pki.ADMIN
    )
    assert pki.why_not_ca(pair) == "it is not the certificate of a CA"
    assert "subject" in pki.why_not(pair, ca, pki.ADMIN)

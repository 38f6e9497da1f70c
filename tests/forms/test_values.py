"""Computed lines, lists, tables and PEM texts, as the forms show them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.core.model.test_certificate import COVERED, Issuer
from tests.core.test_bundle import make as make_bundle
from tke_tui.core.errors import UsageError
from tke_tui.core.plan import handler_names
from tke_tui.core.probes import known_checks
from tke_tui.forms import values
from tke_tui.forms.draft import Draft
from tke_tui.forms.fields import field

CIDR, PODS, SERVICES = (
    "cluster.spec.clusterCIDR",
    "cluster.spec.properties.maxNodePodNum",
    "cluster.spec.properties.maxClusterServiceNum",
)


@pytest.mark.parametrize("cidr", ["192.168.0.0/16", "10.16.0.0/14", "172.16.0.0/19"])
@pytest.mark.parametrize("pods", [32, 64, 128, 256])
@pytest.mark.parametrize("services", [128, 256, 1024])
def test_the_counts_are_those_of_the_original_form(cidr: str, pods: int, services: int) -> None:
    draft = Draft()
    for path, value in ((CIDR, cidr), (PODS, str(pods)), (SERVICES, str(services))):
        draft.set(path, value)
    expected = 2 ** (32 - int(cidr.partition("/")[2])) // pods - math.ceil(services / pods)

    summary = values.network_summary(draft)

    assert f"{expected} node" in summary
    assert f"{pods} pods each" in summary
    assert f"{services} services" in summary


def test_the_counts_of_an_empty_form_are_those_of_the_defaults() -> None:
    assert values.network_summary(Draft.new()) == (
        "Room for 255 nodes with 256 pods each, 256 services.\nServices 10.244.255.0/24, DNS 10.244.255.10."
    )


def test_a_service_network_of_its_own_takes_no_room_from_the_pods() -> None:
    draft = Draft()
    draft.set("cluster.spec.serviceCIDR", "10.96.0.0/16")

    assert "256 nodes" in values.network_summary(draft)
    assert "65536 services" in values.network_summary(draft)


@pytest.mark.parametrize("cidr", ["10.244.0.0", "10.244.0.0/30", "x"])
def test_networks_without_sense_have_no_counts(cidr: str) -> None:
    draft = Draft()
    draft.set(CIDR, cidr)

    assert values.network_summary(draft) == ""


def test_the_versions_to_choose_from_are_the_bundles(tmp_path: Path) -> None:
    draft, version = Draft.new(make_bundle(tmp_path)), field("cluster.spec.version")

    choices = values.choices(draft, version, version.path)

    assert choices == [("", "1.20.2 (default)"), ("1.20.2", "1.20.2"), ("1.19.7", "1.19.7")]


def test_a_value_that_is_not_to_choose_is_shown_all_the_same() -> None:
    draft, pods = Draft(), field(PODS)
    draft.set(PODS, "100")

    assert ("100", "100") in values.choices(draft, pods, PODS)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Config.skipSteps", "Load images"),
        ("cluster.spec.features.skipConditions", "EnsureGalaxy"),
        ("options.ignorePreflight", "Swap"),
    ],
)
def test_lists_hold_the_real_names(path: str, name: str) -> None:
    names = [name for name, _title in values.checklist(path)]

    assert name in names
    assert len(names) == len(set(names))
    if path == "cluster.spec.features.skipConditions":
        assert names == handler_names()
        assert all(title for _name, title in values.checklist(path))
    if path == "options.ignorePreflight":
        assert names == list(known_checks())


ARGS, FILES, NAMES = (
    "cluster.spec.dockerExtraArgs",
    "cluster.spec.features.files",
    "cluster.spec.publicAlternativeNames",
)


@pytest.mark.parametrize(
    ("path", "table", "held"),
    [
        (ARGS, [("data-root", "/data"), ("", "")], {"data-root": "/data"}),
        (ARGS, [(" data-root ", "")], {"data-root": ""}),
        (NAMES, [("a.example.com",), ("",), ("b",)], ["a.example.com", "b"]),
        (NAMES, [], []),
    ],
)
def test_tables_become_values(path: str, table: list[values.Row], held: object) -> None:
    draft = Draft()

    values.put_rows(draft, field(path), path, table)

    assert draft.get(path) == held
    assert not draft.unread


def test_tables_of_objects_have_a_column_for_each_key() -> None:
    draft, files = Draft(), field(FILES)
    assert [column.path for column in files.columns] == [f"{FILES}[].src", f"{FILES}[].dst"]

    values.put_rows(draft, files, FILES, [("/a", "/b"), ("", ""), ("/c", "")])

    assert [(file.src, file.dst) for file in draft.get(FILES)] == [("/a", "/b"), ("/c", "")]
    assert values.rows(draft, files, FILES) == [("/a", "/b"), ("/c", "")]


@pytest.mark.parametrize("table", [[("a", "1"), ("a", "2")], [("", "1")]])
def test_rows_the_document_cannot_hold_stay_where_they_were_typed(table: list[values.Row]) -> None:
    draft, args = Draft(), field(ARGS)
    values.put_rows(draft, args, ARGS, [("old", "0")])

    values.put_rows(draft, args, ARGS, table)

    assert values.rows(draft, args, ARGS) == table
    assert [f.message for f in draft.problems()[ARGS]] == ["a name is missing or given twice"]
    assert draft.get(ARGS) == {"old": "0"}
    values.put_rows(draft, args, ARGS, [("a", "1")])
    assert ARGS not in draft.problems()


def test_certificates_and_keys_are_described_without_showing_them() -> None:
    root = Issuer("Root")
    leaf = Issuer("console.tke.com", root, COVERED)
    chain = (leaf.pem + root.pem).decode()

    assert values.describe_pem(chain, key=False) == "2 certificates: CN=console.tke.com, until 2027-06-01"
    assert values.describe_pem(leaf.key_pem.decode(), key=True) == "an EC key on secp256r1"
    assert values.describe_pem("hello", key=False) == "no certificate"
    assert values.describe_pem("hello", key=True) == "no private key"
    assert values.describe_pem(" \n", key=True) == ""


def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        values.read_pem_file(str(tmp_path / "missing.pem"))
    big = tmp_path / "big"
    big.write_bytes(b"x" * (values.PEM_BYTES + 1))
    with pytest.raises(UsageError, match="larger than"):
        values.read_pem_file(str(big))

"""What the original's web form got wrong and this one must not: the document is made of typed answers alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.model.inputs import b64
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.load import parse_para
from tke_tui.forms.draft import Draft
from tke_tui.forms.groups import GROUPS, choose
from tke_tui.forms.sections import item_of


def typed(*choices: tuple[str, str], **answers: Any) -> Draft:
    draft = Draft.new()
    for group, name in choices:
        choose(draft, GROUPS[group], name)
    for path, value in answers.items():
        draft.set(path.replace("__", "."), value)
    return draft


def document(draft: Draft) -> dict[str, Any]:
    """What is handed on; it must be read again without a remark."""
    made = dump_para(draft.para, secrets="reveal")
    assert parse_para(made).findings == ()
    return made


def shown_at(draft: Draft) -> set[str]:
    """The fields below which there is an error."""
    return {item_of(finding.path) for finding in draft.errors()}


def test_the_issuer_of_openid_connect_has_its_right_name() -> None:
    draft = typed(
        ("Config.auth", "oidc"),
        Config__auth__oidc__issuerURL="https://id.example.com",
        Config__auth__oidc__clientID="tke",
    )

    assert document(draft)["Config"]["auth"] == {
        "oidc": {"issuerURL": "https://id.example.com", "clientID": "tke"}
    }


def test_pass_phrase_and_password_of_a_machine_are_two_things() -> None:
    draft = Draft.new()
    draft.set("cluster.spec.machines", [{"ip": "192.0.2.1"}])
    draft.set("cluster.spec.machines[0].privateKey", "-----BEGIN OPENSSH PRIVATE KEY-----")
    draft.set("cluster.spec.machines[0].passPhrase", "phrase")

    (machine,) = document(draft)["cluster"]["spec"]["machines"]
    assert machine["passPhrase"] == b64("phrase")
    assert "password" not in machine


@pytest.mark.parametrize("port", ["", "8443"])
def test_the_port_of_a_load_balancer_is_a_number_also_when_empty(port: str) -> None:
    draft = typed(
        ("Config.ha", "thirdParty"),
        Config__ha__thirdParty__vip="192.0.2.9",
        Config__ha__thirdParty__vport=port,
    )

    assert document(draft)["Config"]["ha"]["thirdParty"]["vport"] == int(port or 6443)


def test_the_password_of_audit_is_plain_text_all_others_are_base64() -> None:
    draft = typed(
        ("Config.audit", "on"),
        ("Config.monitor", "es"),
        Config__audit__elasticSearch__password="audit-secret",
        Config__monitor__es__password="es-secret",
    )

    config = document(draft)["Config"]
    assert config["audit"]["elasticSearch"]["password"] == "audit-secret"
    assert config["monitor"]["es"]["password"] == b64("es-secret")


def test_user_and_password_of_elasticsearch_are_both_optional_but_belong_together() -> None:
    draft = typed(("Config.monitor", "es"), Config__monitor__es__url="http://192.0.2.9:9200")
    assert not {path for path in shown_at(draft) if path.startswith("Config.monitor")}

    draft.set("Config.monitor.es.username", "elastic")

    assert "Config.monitor.es.password" in shown_at(draft)


def test_the_default_pod_network_is_none_that_half_of_all_offices_use() -> None:
    assert Draft.new().default("cluster.spec.clusterCIDR") == "10.244.0.0/16"


def test_a_pod_network_that_the_machines_are_in_is_refused() -> None:
    draft = Draft.new()
    draft.set("cluster.spec.machines", [{"ip": "192.168.7.11", "password": b64("x")}])
    draft.set("cluster.spec.clusterCIDR", "192.168.0.0/16")

    assert "cluster.spec.clusterCIDR" in shown_at(draft)
    assert "192.168.7.11" in draft.problems()["cluster.spec.clusterCIDR"][0].message


@pytest.mark.parametrize(
    ("choice", "path", "wrong"),
    [
        (("Config.ha", "tke"), "Config.ha.tke.vip", "300.1.1.1"),
        (("Config.ha", "thirdParty"), "Config.ha.thirdParty.vip", "balancer"),
        (("Config.gateway", "on"), "Config.gateway.domain", "not a name"),
        (("Config.registry", "tke"), "Config.registry.tke.domain", "under_score.com"),
        (("Config.registry", "thirdParty"), "Config.registry.thirdParty.domain", "http://registry"),
        (("Config.auth", "oidc"), "Config.auth.oidc.issuerURL", "id.example.com"),
        (("Config.monitor", "external"), "Config.monitor.influxDB.external.url", "influx:8086"),
        (("Config.audit", "on"), "Config.audit.elasticSearch.address", "192.0.2.9:9200"),
    ],
)
def test_addresses_names_and_urls_are_checked_below_their_own_field(
    choice: tuple[str, str], path: str, wrong: str
) -> None:
    draft = typed(choice)
    draft.set(path, wrong)

    assert path in shown_at(draft)


def test_a_user_of_the_registry_is_checked_as_such() -> None:
    draft = typed(
        ("Config.registry", "thirdParty"),
        Config__registry__thirdParty__domain="registry.example.com",
        Config__registry__thirdParty__namespace="library",
        Config__registry__thirdParty__password="secret",
    )

    (finding,) = draft.problems()["Config.registry.thirdParty.username"]
    assert "username" in finding.message


def test_the_login_of_a_machine_need_not_be_root() -> None:
    draft = Draft.new()
    draft.set("cluster.spec.machines", [{"ip": "192.0.2.1", "username": "ops", "password": b64("x")}])
    draft.set("cluster.spec.machines[0].sudoPassword", "sudo-secret")

    assert not [finding for finding in draft.errors() if finding.path.startswith("cluster.spec.machines")]


def test_the_name_of_the_administrator_may_have_more_than_letters() -> None:
    draft = typed(Config__basic__username="ops-2", Config__basic__password="x")

    assert "Config.basic.username" not in shown_at(draft)


def test_every_failing_field_is_named_not_only_the_last() -> None:
    draft = typed(
        ("Config.registry", "thirdParty"),
        ("Config.auth", "oidc"),
        Config__gateway__domain="not a name",
    )

    assert shown_at(draft) >= {
        "Config.basic.password",
        "Config.registry.thirdParty.domain",
        "Config.registry.thirdParty.namespace",
        "Config.auth.oidc.issuerURL",
        "Config.auth.oidc.clientID",
        "Config.gateway.domain",
    }

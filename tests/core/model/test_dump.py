from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.model.inputs import b64, changed, good_document
from tke_tui.core.model.config import Audit, Basic, Config, ElasticSearchAudit
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import SECRET_PATHS, dump_para, map_secrets, secret_values
from tke_tui.core.model.fields import reveal, secret
from tke_tui.core.model.load import load_text, parse_para
from tke_tui.core.model.para import CreateClusterPara


def para_of(document: Any) -> CreateClusterPara:
    loaded = parse_para(document)
    assert loaded.para is not None
    return loaded.para


def test_a_revealed_dump_is_the_document_again() -> None:
    document = good_document()

    assert dump_para(para_of(document), secrets="reveal")["Config"] == document["Config"]


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
@example("\x85")
def test_any_password_survives_json_and_yaml(password: str) -> None:
    password = password.encode("utf-8", "replace").decode()
    para = CreateClusterPara(
        config=Config(
            basic=Basic(username="admin", password=secret(password)),
            audit=Audit(elastic_search=ElasticSearchAudit(address="http://192.0.2.1", password=password)),
        )
    )
    document = dump_para(para, secrets="reveal")

    for text in (json.dumps(document), yaml.safe_dump(document)):
        assert load_text(text).para == para


def test_awkward_passwords_survive() -> None:
    for password in ("a'b\"c\\d", "#no: comment", "{{ x }}", "pä$$wörd 密码", " blank ", "yes", "*&!%@`"):
        machine = {"ip": "192.0.2.1", "password": b64(password)}
        para = para_of({"cluster": {"spec": {"machines": [machine]}}})
        assert reveal(para.first.password) == password
        assert para_of(dump_para(para, secrets="reveal")) == para


def test_bytes_that_are_no_text_survive() -> None:
    machine = {"ip": "192.0.2.1", "password": b64(b"\xff\x00\xfe")}
    para = para_of({"cluster": {"spec": {"machines": [machine]}}})

    assert para_of(dump_para(para, secrets="reveal")) == para
    assert b64(b"\xff\x00\xfe") in secret_values(para)


def test_a_dump_with_defaults_loads_as_the_same_input_without_findings() -> None:
    para = apply_defaults(para_of(good_document()), ("1.20.2",))

    loaded = parse_para(dump_para(para, secrets="reveal"))

    assert loaded.para == para
    assert loaded.findings == ()


def test_dump_masks_unless_told_otherwise() -> None:
    para = para_of(good_document())
    text = json.dumps(dump_para(para))

    assert not [value for value in secret_values(para) if value in text]
    assert text.count('"******"') == 5


def test_references_can_take_the_place_of_secrets_and_be_resolved_again() -> None:
    para = apply_defaults(para_of(good_document()), ("1.20.2",))
    kept: dict[str, str] = {}

    def keep(path: str, value: str) -> str:
        kept[path] = value
        return f"secret:{path}"

    document = dump_para(para, secrets=keep)

    assert (
        document["cluster"]["spec"]["machines"][2]["password"] == "secret:cluster.spec.machines[2].password"
    )
    assert not [value for value in secret_values(para) if value in json.dumps(document)]
    resolved = map_secrets(document, lambda path, reference: kept[reference.removeprefix("secret:")])
    assert para_of(resolved) == para


def test_secret_values_has_each_secret_in_clear_and_in_base64() -> None:
    document = changed({"Config.monitor": {"es": {"url": "http://u:url%20secret@192.0.2.1"}}})

    values = secret_values(para_of(document))

    assert set(values) == {
        form
        for clear in ("machine-secret", "basic-secret", "audit-secret", "url%20secret", "url secret")
        for form in (clear, b64(clear))
    }


def test_every_place_for_a_secret_is_known() -> None:
    assert {
        "cluster.spec.machines[].password",
        "cluster.spec.machines[].privateKey",
        "cluster.spec.machines[].passPhrase",
        "cluster.spec.machines[].sudoPassword",
        "cluster.spec.machines[].bastion.password",
        "cluster.spec.machines[].bastion.privateKey",
        "cluster.spec.machines[].bastion.passPhrase",
        "Config.basic.password",
        "Config.auth.tke.password",
        "Config.registry.tke.password",
        "Config.registry.thirdParty.password",
        "Config.monitor.es.password",
        "Config.monitor.influxDB.external.password",
        "Config.audit.elasticSearch.password",
        "Config.gateway.cert.thirdParty.privateKey",
    } == SECRET_PATHS

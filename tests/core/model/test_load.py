from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.model.inputs import b64, changed, findings_of, good_document
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.fields import reveal
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.load import Loaded, load_para, load_text, parse_para
from tke_tui.core.model.para import CreateClusterPara


def only(loaded: Loaded) -> Finding:
    (finding,) = loaded.findings
    return finding


def para_of(document: Any) -> CreateClusterPara:
    loaded = parse_para(document)
    assert loaded.para is not None
    return loaded.para


def test_json_and_yaml_of_the_same_shape_give_the_same_input() -> None:
    document = good_document()

    as_json, as_yaml = load_text(json.dumps(document)), load_text(yaml.safe_dump(document))

    assert as_json.findings == as_yaml.findings == ()
    assert as_json.para == as_yaml.para is not None


def test_flow_style_yaml_is_read_when_the_file_is_called_so() -> None:
    loaded = load_text("{cluster: {spec: {machines: [{ip: 192.0.2.1}]}}}", "x.yaml")

    assert loaded.findings == ()
    assert loaded.para is not None
    assert loaded.para.first.ip == "192.0.2.1"


@pytest.mark.parametrize("spelling", ["Config", "config"])
def test_both_spellings_of_config_are_accepted_and_used_in_paths(spelling: str) -> None:
    document = good_document()
    document[spelling] = document.pop("Config")
    document[spelling]["auth"] = {}

    (finding,) = findings_of(document)

    assert finding.path == f"{spelling}.auth"


def test_keys_match_without_regard_to_case_but_not_silently() -> None:
    loaded = parse_para({"cluster": {"spec": {"clustercidr": "10.0.0.0/16"}}})

    assert loaded.para is not None
    assert loaded.para.cluster.spec.cluster_cidr == "10.0.0.0/16"
    assert "spelled clusterCIDR" in only(loaded).message


@pytest.mark.parametrize(
    ("changes", "path", "nearest"),
    [
        ({"cluster.spec.machines[0].user": "root"}, "cluster.spec.machines[0].user", "username"),
        ({"cluster.spec.machines[0].pasword": "x"}, "cluster.spec.machines[0].pasword", "password"),
        ({"cluster.spec.clusterCDIR": "x"}, "cluster.spec.clusterCDIR", "clusterCIDR"),
        ({"cluster.spec.cluster_cidr": "x"}, "cluster.spec.cluster_cidr", "clusterCIDR"),
        ({"cluster.machines": []}, "cluster.machines", "cluster.spec.machines"),
        ({"Config.gateway.domian": "x"}, "Config.gateway.domian", "domain"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    changes: dict[str, Any], path: str, nearest: str
) -> None:
    finding = only(parse_para(changed(changes)))

    assert (finding.path, finding.severity) == (path, "warning")
    assert finding.message == f"unknown key, ignored; the nearest known one is {nearest}"
    assert nearest in finding.fix


def test_an_unknown_key_changes_nothing() -> None:
    assert para_of(changed({"cluster.spec.cluster_cidr": "10.0.0.0/8"})) == para_of(good_document())


def test_keys_of_later_versions_are_told_apart_from_typing_errors() -> None:
    finding = only(parse_para(changed({"Config.application": {"registryDomain": "x"}})))

    assert "TKEStack 1.4" in finding.message


def test_what_an_api_server_adds_to_the_object_passes_silently() -> None:
    metadata = {"name": "global", "uid": "1", "creationTimestamp": None, "resourceVersion": "7"}

    assert parse_para(changed({"cluster.metadata": metadata})).findings == ()


def test_quirks_of_the_web_page_are_accepted_with_a_warning() -> None:
    document = changed(
        {
            "Config.auth": {"oidc": {"issueURL": "https://login.example.com", "clientID": "tke"}},
            "Config.ha": {"thirdParty": {"vip": "192.0.2.99", "vport": "6443"}},
            "cluster.spec.machines[0].privatePassword": b64("phrase"),
        }
    )
    loaded = parse_para(document)

    assert loaded.para is not None
    assert loaded.para.config.auth.oidc is not None
    assert loaded.para.config.auth.oidc.issuer_url == "https://login.example.com"
    assert loaded.para.advertise == ("192.0.2.99", 6443)
    assert reveal(loaded.para.first.pass_phrase) == "phrase"
    assert [(f.path, f.severity) for f in loaded.findings] == [
        ("cluster.spec.machines[0].privatePassword", "warning"),
        ("Config.auth.oidc.issueURL", "warning"),
        ("Config.ha.thirdParty.vport", "warning"),
    ]


def test_the_audit_password_is_plain_text() -> None:
    para = para_of(changed({"Config.audit.elasticSearch.password": "YWJj"}))

    assert para.config.audit is not None
    assert para.config.audit.elastic_search is not None
    assert reveal(para.config.audit.elastic_search.password) == "YWJj"


def test_a_list_of_addresses_becomes_machines_with_the_same_login() -> None:
    entry = {
        "ip": " 192.0.2.1;192.0.2.2; 192.0.2.3;",
        "port": 2222,
        "password": b64("x-secret"),
        "labels": {"a": "b"},
    }
    loaded = parse_para({"cluster": {"spec": {"machines": [entry]}}})

    assert loaded.findings == ()
    assert loaded.para is not None
    assert [m.ip for m in loaded.para.machines] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert {(m.port, reveal(m.password), m.labels["a"]) for m in loaded.para.machines} == {
        (2222, "x-secret", "b")
    }


def test_findings_about_listed_addresses_name_the_entry_in_the_file() -> None:
    entries = [{"ip": "192.0.2.1;192.0.2.2", "password": b64("x")}, {"ip": "bad", "password": 5}]

    paths = [f.path for f in findings_of(changed({"cluster.spec.machines": entries})) if f.is_error]

    assert paths == ["cluster.spec.machines[1].password", "cluster.spec.machines[1].ip"]


def test_a_wrong_value_in_a_shared_entry_is_reported_once() -> None:
    entry = {
        "ip": "192.0.2.1;192.0.2.2",
        "password": "!",
        "labels": {"a": 1},
        "bastion": {"ip": "x", "port": "y"},
    }
    loaded = parse_para({"cluster": {"spec": {"machines": [entry]}}})

    assert [f.path for f in loaded.findings] == [
        "cluster.spec.machines[0].password",
        "cluster.spec.machines[0].labels.a",
        "cluster.spec.machines[0].bastion.port",
    ]
    assert loaded.para is not None
    assert len(loaded.para.machines) == 2


def test_null_counts_as_absent() -> None:
    document = changed({"Config.business": None, "cluster.status": None, "cluster.spec.version": None})

    para = para_of(document)

    assert para.config.business is None
    assert parse_para(document).findings == ()


def test_the_originals_state_file_gives_its_input() -> None:
    loaded = parse_para(
        {"config": {"NoUI": True}, "para": good_document(), "cluster": {"kind": "x"}, "step": 7}
    )

    assert loaded.para == para_of(good_document())
    assert "state file" in only(loaded).message


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("cluster.spec.machines[0].port", "ssh", "expected a whole number, found text"),
        ("cluster.spec.machines[0].port", True, "expected a whole number, found true or false"),
        ("cluster.spec.machines[0].port", 22.5, "expected a whole number, found a number with a fraction"),
        ("cluster.spec.version", 1.2, "expected text, found a number with a fraction"),
        ("cluster.spec.machines", {"ip": "x"}, "expected a list of objects, found an object"),
        ("cluster.spec.machines[0]", "192.0.2.1", "expected an object, found text"),
        ("cluster.spec.machines[0].password", 123456, "expected base64 text, found a number"),
        ("cluster.spec.machines[0].password", "not base64!", "not base64"),
        ("cluster.spec.machines[0].password", "YWJ", "not base64"),
        ("cluster.spec.machines[0].labels", ["a"], "expected names with values, found a list"),
        ("cluster.spec.machines[0].password", "secret:input/x", "a reference to a secret"),
        ("cluster.spec.features.ipvs", "yes", "expected true or false, found text"),
        ("Config.skipSteps", "Load images", "expected a list, found text"),
        ("Config.skipSteps", ["Load images", 5], "expected text, found a number"),
        ("Config", [], "expected an object, found a list"),
    ],
)
def test_a_value_of_a_wrong_type_is_explained_and_the_rest_is_read(path: str, value: Any, says: str) -> None:
    loaded = parse_para(changed({path: value}))

    assert loaded.para is not None
    finding = only(loaded)
    assert finding.path.startswith(path)
    assert says in finding.message
    assert finding.fix


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ('{"cluster": {},\n "Config": {},\n}', 2, 14, "comma"),
        ("[1, 2 ,\n\n ]", 1, 7, "comma"),
        ('{"a": "\\q"}', 1, 8, "backslash"),
        ("{} {}", 1, 4, "follows the closing bracket"),
        ("cluster:\n\tspec: 1", 2, 1, "spaces"),
        ("cluster:\n  spec:\n a: b: c", 3, 2, "indentation"),
        ("a: 1\na: 2", 2, 1, "one of the two"),
        ("a: 1\n---\nb: 2", 2, 1, "one document"),
    ],
)
def test_syntax_errors_have_line_column_and_remedy(text: str, line: int, column: int, says: str) -> None:
    finding = only(load_text(text, "tke.conf"))

    assert (finding.path, finding.line, finding.column) == ("tke.conf", line, column)
    assert says in finding.fix
    assert str(finding).startswith(f"error: tke.conf:{line}:{column}: ")


@pytest.mark.parametrize(
    "text", ["p: *hunter22", "p: !hunter22 x", "p: &hunter22 [*hunter22x]", "p: !!int hunter22"]
)
def test_yaml_errors_never_quote_the_document(text: str) -> None:
    assert "hunter22" not in str(only(load_text(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "just text",
        "[]",
        "5",
        "null",
        '{"a": NaN}',
        '{"a": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "a: " + "[" * 100_000,
        "a: !!bool maybe",
        "a: !!timestamp x",
        "? [a]\n: b",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_input_is_one_error_and_never_a_traceback(text: str) -> None:
    loaded = load_text(text)

    assert loaded.para is None
    assert only(loaded).is_error


def test_a_document_that_multiplies_itself_by_aliases_is_refused() -> None:
    text = "m: &m [{ip: a}]\ncluster: &c {spec: {machines: [" + "&x {ip: a}," + "*x," * 150_000 + "]}}"

    assert "far too many objects" in only(load_text(text)).message


def test_a_document_that_contains_itself_is_no_trap() -> None:
    loaded = load_text("cluster: &a\n  spec: {machines: [*a]}\n  metadata: *a\n")

    assert loaded.para is not None


def test_json_keys_given_twice_are_errors() -> None:
    finding = only(load_text('{"cluster": {"spec": {"version": "1.20.2", "version": "1.19.7"}}}'))

    assert finding.path == "cluster.spec.version"
    assert "more than once" in finding.message


def test_problems_of_the_file_itself_are_findings(tmp_path: Path) -> None:
    large, latin = tmp_path / "large.json", tmp_path / "latin.json"
    large.write_bytes(b" " * (4 << 20) + b"{}")
    latin.write_bytes(b'{\n"cluster": "\xe9"}')
    good = tmp_path / "good.json"
    good.write_bytes(b"\xef\xbb\xbf" + json.dumps(good_document()).encode())

    assert "is a directory" in only(load_para(tmp_path)).message
    assert "no such file" in only(load_para(tmp_path / "absent")).message
    assert "cannot be read" in only(load_para("a\0b")).message
    assert "cannot be read: Not a directory" in only(load_para(good / "tke.json")).message
    assert "larger than 4 MiB" in only(load_para(large)).message
    assert (only(load_para(latin)).message, only(load_para(latin)).line) == ("the file is not UTF-8 text", 2)
    assert load_para(good).findings == ()


KEYS = st.text(max_size=4) | st.sampled_from(
    [
        "cluster",
        "Config",
        "spec",
        "machines",
        "ip",
        "password",
        "auth",
        "oidc",
        "labels",
        "features",
        "upgrade",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_any_document_loads_without_a_traceback_and_can_be_written_again(document: dict[str, Any]) -> None:
    loaded = parse_para(document)

    assert loaded.para is not None
    assert parse_para(dump_para(loaded.para, secrets="reveal")).para == loaded.para
    assert all(str(finding).isprintable() or "\n" in str(finding) for finding in loaded.findings)


@given(st.text(alphabet="{}[]:,-&*!|>'\"%@#? \n\tab1\\", max_size=40))
@settings(max_examples=300)
def test_any_text_loads_without_a_traceback(text: str) -> None:
    for name in ("x.json", "x.yaml"):
        loaded = load_text(text, name)
        assert loaded.para is not None or loaded.errors

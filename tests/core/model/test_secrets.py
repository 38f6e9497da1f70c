"""No secret may show up in anything that a person or a log sees."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from pydantic import ValidationError

from tests.core.model.inputs import b64, changed, findings_of, good_document
from tke_tui.core.model.dump import SECRET_PATHS, dump_para, secret_values
from tke_tui.core.model.load import load_text, parse_para
from tke_tui.core.model.machine import Machine
from tke_tui.core.model.para import CreateClusterPara

SECRET = "Zq7hunter22Zq7!"
"""Not base64 because of its last character, and found in no message."""

CONCRETE = sorted(path.replace("[]", "[0]") for path in SECRET_PATHS)


def place(path: str, value: Any) -> dict[str, Any]:
    """The good document with `value` at `path`, parents made as needed."""
    document = copy.deepcopy(good_document())
    if path.startswith("Config.monitor.influxDB.external"):
        document["Config"]["monitor"] = {"influxDB": {}}
    return changed({path: value}, document)


@pytest.mark.parametrize("path", CONCRETE)
@pytest.mark.parametrize("value", [SECRET, b64(SECRET), [SECRET], {"x": SECRET}, b64(SECRET + "\n")])
def test_no_finding_shows_a_secret_or_what_stands_in_its_place(path: str, value: Any) -> None:
    text = "\n".join(map(str, findings_of(place(path, value))))

    assert "hunter22" not in text
    assert b64(SECRET) not in text


@pytest.mark.parametrize(
    "path",
    sorted(
        {path.rsplit(".", 1)[0] for path in CONCRETE}
        | {"cluster", "cluster.spec", "Config", "Config.gateway"}
    ),
)
def test_text_in_the_place_of_an_object_with_secrets_is_not_shown(path: str) -> None:
    findings = findings_of(place(path, f"root:{SECRET}"))

    assert any(f.path == path for f in findings)
    assert "hunter22" not in "\n".join(map(str, findings))


@pytest.mark.parametrize("path", CONCRETE)
def test_no_secret_is_in_the_text_forms_of_an_input(path: str) -> None:
    loaded = parse_para(place(path, SECRET if path.startswith("Config.audit") else b64(SECRET)))
    para = loaded.para
    assert para is not None
    assert SECRET in secret_values(para)

    for text in (
        repr(para),
        str(para),
        para.model_dump_json(),
        str(para.model_dump()),
        str(dump_para(para)),
        repr(loaded),
    ):
        assert "hunter22" not in text
        assert b64(SECRET) not in text


def test_no_secret_is_in_the_text_of_a_validation_error() -> None:
    with pytest.raises(ValidationError) as caught:
        CreateClusterPara.model_validate(changed({"cluster.spec.machines[0].password": SECRET}))
    with pytest.raises(ValidationError) as assigned:
        Machine().__setattr__("password", SECRET)

    assert "hunter22" not in str(caught.value) + repr(caught.value) + str(assigned.value)


def test_passwords_inside_urls_are_not_shown() -> None:
    for url in (
        f"http://user:{SECRET}@192.0.2.1:9200",
        f"user:{SECRET}@192.0.2.1",
        f"ftp://u:{SECRET}@h",
        f"http://u:{SECRET}@h:x",
    ):
        findings = findings_of(changed({"Config.audit.elasticSearch.address": url}))
        assert [f.path for f in findings] == ["Config.audit.elasticSearch.address"]
        assert "hunter22" not in str(findings[0])


def test_syntax_errors_do_not_show_the_line_they_are_in() -> None:
    for text in (
        f'{{"password": "{SECRET}" x}}',
        f"password: {SECRET}: x",
        f"password: '{SECRET}",
        f"password: %{SECRET}",
    ):
        for name in ("x.json", "x.yaml"):
            assert "hunter22" not in "".join(map(str, load_text(text, name).findings))


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_an_encrypted_key_needs_its_pass_phrase(form: PrivateFormat) -> None:
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, form, BestAvailableEncryption(b"x")
    )
    given = {"cluster.spec.machines[0].privateKey": b64(key)}

    (finding,) = findings_of(changed(given))

    assert finding.path == "cluster.spec.machines[0].passPhrase"
    assert findings_of(changed({**given, "cluster.spec.machines[0].passPhrase": b64("x")})) == []

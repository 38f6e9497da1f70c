"""Secret values never leave in text, in any of the forms they take on the way."""

from __future__ import annotations

import base64
import json
import re
import shlex
import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from tke_tui.core.redact import MASK, Redactor

SECRETS = st.text(st.sampled_from("abcXYZ019äß中"), min_size=3, max_size=30)
AROUND = st.text(st.sampled_from(" .,:;=/\"'"), max_size=20)


@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_plain_and_base64_forms_are_hidden(secret: str, before: str, after: str) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    text = Redactor([secret])(f"{before}{secret} {encoded}{after}")
    assert text == f"{before}{MASK} {MASK}{after}"


def test_json_escaped_form_is_hidden() -> None:
    secret = 'qu"ote\\slash'
    assert "ote" not in Redactor([secret])(json.dumps({"password": secret}))


def test_each_line_of_a_key_is_hidden_but_not_its_armour() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
    redact = Redactor([key])
    assert redact("cat: kqhkiG9w0BAQEF") == f"cat: {MASK}"
    assert redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_the_longest_secret_wins_over_one_inside_it() -> None:
    assert Redactor(["pass", "password1"])("x password1 y") == f"x {MASK} y"


def test_structures_are_hidden_too() -> None:
    redact = Redactor(["hunter22"])
    assert redact.data({"a": ["hunter22", {"hunter22": ("x", "hunter22")}]}) == {
        "a": [MASK, {MASK: ("x", MASK)}]
    }


def test_very_short_values_do_not_blank_out_ordinary_text() -> None:
    assert Redactor(["a", ""])("a banana") == "a banana"


@given(secret=st.text(st.sampled_from("ab'\"\\ &/%ü中"), min_size=3, max_size=12))
def test_forms_of_other_formats_are_hidden(secret: str) -> None:
    redact = Redactor([secret])
    forms = [
        json.dumps({"p": secret}),
        json.dumps({"p": secret}, ensure_ascii=False),
        f"http://u:{urllib.parse.quote(secret, safe='')}@host",
        f"echo {shlex.quote(secret)} done",
    ]
    for text in forms:
        assert MASK in redact(text)
        assert secret not in redact(text)


@given(
    words=st.lists(st.text(st.sampled_from("abc.*"), min_size=3, max_size=6), min_size=1),
    text=st.text("abc.* "),
)
def test_many_secrets_are_found_as_one_by_one_the_longest_first(words: list[str], text: str) -> None:
    redact = Redactor(words)
    ordered = sorted(redact._values, key=len, reverse=True)
    assert redact(text) == re.sub("|".join(map(re.escape, ordered)), MASK, text)

"""Texts in the person's language: the right one is chosen, and every text has a translation that fits."""

from __future__ import annotations

import gettext
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from tke_tui import messages
from tke_tui.messages import LANGUAGES, _, choose_language, language, n_, use_language
from tools.messages import (
    TRANSLATED,
    extracted,
    mo_bytes,
    po_path,
    po_text,
    read_catalogue,
    untranslated,
    updated,
)


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use_language("en")


@pytest.fixture(scope="module")
def template() -> Catalog:
    return extracted()


@pytest.mark.parametrize(
    ("chosen", "environ", "expected"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_TW"}, "zh"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        (None, {"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "C"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "TKE_TUI_LANG": "en"}, "en"),
        ("zh", {"TKE_TUI_LANG": "en"}, "zh"),
        ("auto", {"TKE_TUI_LANG": "zh"}, "zh"),
        ("auto", {"LANG": "C"}, "en"),
    ],
)
def test_the_language_is_what_was_chosen_else_the_locales(
    chosen: str | None, environ: dict[str, str], expected: str
) -> None:
    assert choose_language(chosen, environ) == expected


def test_english_is_the_text_itself_and_nothing_stays_nothing() -> None:
    use_language("zh")
    assert _("") == ""
    use_language("en")
    assert language() == "en"
    assert _("{count} machines") == "{count} machines"
    assert n_("one", "many", 1) == "one"
    assert n_("one", "many", 2) == "many"


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="xx"):
        use_language("xx")


def test_chinese_is_chinese() -> None:
    use_language("zh")
    assert _("help") != "help"
    assert messages.language() == "zh"


def test_a_text_that_comes_with_its_values_is_recognised() -> None:
    use_language("zh")
    text = _("the same address as machine number 3")
    assert "3" in text
    assert not text.isascii()
    assert _("expected a list, found {x} of 2") != "expected a list, found {x} of 2"
    assert "{x} of 2" in _("expected a list, found {x} of 2")
    assert _("words that nobody knows 3") == "words that nobody knows 3"
    use_language("en")
    assert _("the same address as machine number 3") == "the same address as machine number 3"


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_is_compiled_is_what_was_written(code: str) -> None:
    assert po_path(code).with_suffix(".mo").read_bytes() == mo_bytes(code), "run: python -m tools.messages"


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_catalogue_holds_every_text_with_a_translation(code: str, template: Catalog) -> None:
    catalogue = updated(code, template)
    assert po_path(code).read_bytes() == po_text(catalogue), "run: python -m tools.messages"
    assert [message.id for message in untranslated(catalogue)] == []


def placeholders(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def translations(message: Message) -> list[tuple[str, str]]:
    originals = message.id if isinstance(message.id, list | tuple) else (message.id,)
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return [(str(originals[-1]), str(text)) for text in strings if text]


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_have_the_same_placeholders_and_nothing_is_in_doubt(code: str) -> None:
    for message in read_catalogue(code):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        for original, text in translations(message):
            if "{" in original and not original.startswith("{{"):
                assert placeholders(text) == placeholders(original), original
            assert original.endswith("\n") == text.endswith("\n"), original


def test_every_language_but_english_has_a_catalogue() -> None:
    assert set(TRANSLATED) == set(LANGUAGES) - {"en"}
    for code in TRANSLATED:
        with po_path(code).with_suffix(".mo").open("rb") as file:
            gettext.GNUTranslations(file)

"""Texts for people in their language: gettext, English in the code, Chinese in `locale/zh`.

`_` translates when a text is shown, `N_` marks a constant that is translated later with `_`, `n_` chooses between
singular and plural. Placeholders are filled in afterwards: `_("{count} machines").format(count=3)`.

What the model's rules find comes with its values filled in. For these the catalogue has templates with numbered
placeholders, `contains {0}`: a text that is one of them is recognised, and its values are put into the translation.
"""

from __future__ import annotations

import gettext
import re
import string
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
"""Code and own name of every language there are texts in."""

DOMAIN = "tke_tui"
LOCALE = Path(__file__).parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def _(text: str) -> str:
    """The text in the language in use; English when there is no translation."""
    if not text:
        return ""
    found = _catalogue.gettext(text)
    return _filled(text) if found is text else found


def N_(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


def n_(singular: str, plural: str, count: int) -> str:
    """Singular or plural by `count`, translated; the count itself is filled in by the caller."""
    return _catalogue.ngettext(singular, plural, count)


def language() -> str:
    """The language in use, a key of `LANGUAGES`."""
    return _language


def use_language(code: str) -> None:
    """Translate into `code` from now on; raises `ValueError` for a language there are no texts in."""
    global _catalogue, _language
    if code not in LANGUAGES:
        raise ValueError(f"no texts in {code}")
    _catalogue = (
        gettext.NullTranslations()
        if code == "en"
        else gettext.translation(DOMAIN, LOCALE, languages=[code], fallback=True)
    )
    _templates[:] = sorted(_numbered(_catalogue), key=lambda template: -len(template[0].pattern))
    _filled.cache_clear()
    _language = code


def choose_language(chosen: str | None, environ: Mapping[str, str]) -> str:
    """The language for a person: what was chosen, else TKE_TUI_LANG, else the locale's; English for all others."""
    candidates = [chosen, environ.get("TKE_TUI_LANG")]
    candidates.append(next((value for name in _LOCALE if (value := environ.get(name))), None))
    for candidate in candidates:
        if candidate and candidate != "auto":
            code = candidate.split(".")[0].split("_")[0].split("-")[0].lower()
            return code if code in LANGUAGES else "en"
    return "en"


_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")

_templates: list[tuple[re.Pattern[str], str]] = []
"""What recognises a text with values in it, and its translation; the one with most words first."""


@lru_cache(1024)
def _filled(text: str) -> str:
    """The translation of a text that came with its values; the text itself when it is none of the known."""
    for pattern, translation in _templates:
        match = pattern.fullmatch(text)
        if match is not None:
            return translation.format(*match.groups())
    return text


def _numbered(catalogue: gettext.NullTranslations) -> Iterator[tuple[re.Pattern[str], str]]:
    known: Mapping[object, str] = getattr(catalogue, "_catalog", {})
    for message, translation in known.items():
        if isinstance(message, str) and "{0}" in message:
            parts = string.Formatter().parse(message)
            pattern = "".join(
                re.escape(words) + ("(.*)" if name is not None else "") for words, name, _spec, _how in parts
            )
            yield re.compile(pattern, re.DOTALL), translation

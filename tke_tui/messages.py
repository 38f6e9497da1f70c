"""Texts for people in their language: gettext, English in the code, Chinese in `locale/zh`.

`_` translates when a text is shown, `N_` marks a constant that is translated later with `_`, `n_` chooses between
singular and plural. Placeholders are filled in afterwards: `_("{count} machines").format(count=3)`.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
"""Code and own name of every language there are texts in."""

DOMAIN = "tke_tui"
LOCALE = Path(__file__).parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def _(text: str) -> str:
    """The text in the language in use; English when there is no translation."""
    return _catalogue.gettext(text) if text else ""


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

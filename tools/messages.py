"""Brings the message catalogues up to date: `python -m tools.messages`, and `--check` to only look.

Messages are the arguments of `_`, `N_` and `n_` in `tke_tui`, what the forms say of the model's fields, the titles of
steps and handlers, and what the model's rules find. New ones are added to
`tke_tui/locale/<language>/LC_MESSAGES/tke_tui.po` without a translation, those that are gone are removed, and the
`.mo` beside it is compiled. Both files are committed.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import io
import itertools
import pkgutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import tke_tui
from tke_tui.core.task import Task
from tke_tui.forms.fields import fields
from tke_tui.messages import DOMAIN, LANGUAGES, LOCALE

ROOT = Path(tke_tui.__file__).parent
KEYWORDS: dict[str, tuple[int, ...]] = {"_": (1,), "N_": (1,), "n_": (1, 2)}
RULES: dict[str, tuple[int, ...]] = {"error": (3, 4), "warning": (3, 4)}
"""Positions of message and fix in what the model's rules report."""

SENTENCE = 9
"""Letters that a text with values in it has at least, to be told from a name or a path."""

TRANSLATED = tuple(code for code in LANGUAGES if code != "en")


def extracted() -> Catalog:
    """Every message of the code, in the order of files; without line numbers, which change all the time."""
    catalogue = Catalog(project="tke-tui", domain=DOMAIN, header_comment="# Texts of tke-tui.", fuzzy=False)
    for message, place in (*_marked(), *_with_values(), *_of_forms(), *_of_tasks()):
        catalogue.add(message, locations=[(place, 0)])
    return catalogue


def _marked() -> Iterator[tuple[str | tuple[str, ...], str]]:
    for path in sorted(ROOT.rglob("*.py")):
        place = str(path.relative_to(ROOT.parent))
        keywords = KEYWORDS | RULES if "core/model" in place else KEYWORDS
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            name = _name(call.func)
            texts = [text for position in keywords.get(name, ()) if (text := _literal(call, position))]
            if name == "n_" and texts:
                yield tuple(texts), place
            else:
                yield from ((text, place) for text in texts)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _literal(call: ast.Call, position: int) -> str:
    """The argument at a position, from 1, if it is a text; "" else."""
    if position <= len(call.args):
        argument = call.args[position - 1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return ""


def _with_values() -> Iterator[tuple[str, str]]:
    """Sentences of the model with values in them, as templates: `contains {0}`. See `tke_tui.messages`."""
    for path in sorted((ROOT / "core" / "model").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                whole = " " in words.strip() and "\n" not in words and words[0] not in " ;"
                if whole and len(words) >= SENTENCE:
                    yield _template(node), str(path.relative_to(ROOT.parent))


def _template(node: ast.JoinedStr) -> str:
    numbers = itertools.count()
    return "".join(
        str(part.value).replace("{", "{{").replace("}", "}}")
        if isinstance(part, ast.Constant)
        else f"{{{next(numbers)}}}"
        for part in node.values
    )


def _of_forms() -> Iterator[tuple[str, str]]:
    for entry in fields().values():
        for thing in (entry, *entry.columns):
            yield from ((text, "tke_tui/forms/fields.py") for text in (thing.label, thing.help) if text)


def _of_tasks() -> Iterator[tuple[str, str]]:
    _import_all("tke_tui.core.steps")
    _import_all("tke_tui.core.handlers")
    own = [task for task in _all_tasks() if task.__module__.startswith("tke_tui.")]
    for task in sorted(own, key=lambda each: (each.__module__, each.__qualname__)):
        title = getattr(task, "title", "")
        if title:
            yield title, task.__module__.replace(".", "/") + ".py"


def _all_tasks() -> set[type[Task]]:
    found: set[type[Task]] = set()
    waiting = Task.__subclasses__()
    while waiting:
        task = waiting.pop()
        found.add(task)
        waiting += task.__subclasses__()
    return found


def _import_all(package: str) -> None:
    place = importlib.import_module(package)
    for module in pkgutil.walk_packages(place.__path__, f"{package}."):
        importlib.import_module(module.name)


def po_path(code: str) -> Path:
    return LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(code: str) -> Catalog:
    path = po_path(code)
    if not path.exists():
        return Catalog(locale=code, domain=DOMAIN, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN)


def updated(code: str, template: Catalog) -> Catalog:
    """The catalogue with exactly the template's messages; translations of those that are still there are kept."""
    old = read_catalogue(code)
    new = Catalog(
        locale=code, project="tke-tui", domain=DOMAIN, header_comment="# Texts of tke-tui.", fuzzy=False
    )
    for message in template:
        if not message.id:
            continue
        known = old.get(message.id)
        forms = _forms(known) if known is not None else [""]
        translation = tuple(forms[: new.num_plurals]) if message.pluralizable else forms[0]
        new.add(message.id, translation, locations=message.locations)
    return new


def po_text(catalogue: Catalog) -> bytes:
    """The catalogue as text; nothing in it depends on when or where it is written."""
    buffer = io.BytesIO()
    catalogue.mime_headers = [
        (name, value)
        for name, value in catalogue.mime_headers
        if name in ("Project-Id-Version", "Language", "Plural-Forms", "MIME-Version", "Content-Type")
        or name == "Content-Transfer-Encoding"
    ]
    write_po(buffer, catalogue, width=110, sort_by_file=True, include_lineno=False, omit_header=True)
    header = (
        '# Texts of tke-tui. Written by "python -m tools.messages": change the translations only.\n'
        'msgid ""\n'
        'msgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return header.encode() + buffer.getvalue().rstrip(b"\n") + b"\n"


def mo_bytes(code: str) -> bytes:
    """What the catalogue on disk compiles to; the same each time."""
    with po_path(code).open("rb") as file:
        catalogue = read_po(file, locale=code, domain=DOMAIN)
    # Not read from the file, so they would be those of today.
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    catalogue.project, catalogue.version = "tke-tui", "1"
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = ""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def untranslated(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id and not _is_translated(message)]


def _is_translated(message: Message) -> bool:
    return all(_forms(message)) and not message.fuzzy


def _forms(message: Message) -> list[str]:
    """The translation: its plural forms, or the only one."""
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return [string or "" for string in strings]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.messages", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when something would change"
    )
    check = parser.parse_args().check
    template = extracted()
    stale = False
    for code in TRANSLATED:
        catalogue = updated(code, template)
        text, path = po_text(catalogue), po_path(code)
        changed = not path.exists() or path.read_bytes() != text
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            path.with_suffix(".mo").write_bytes(mo_bytes(code))
        missing = untranslated(catalogue)
        stale = stale or changed or bool(missing)
        print(f"{code}: {len(list(catalogue)) - 1} messages, {len(missing)} without a translation")
        for message in missing:
            print(f"  {message.id!r}  ({', '.join(place for place, _ in message.locations)})")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())

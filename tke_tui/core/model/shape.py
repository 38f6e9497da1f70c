"""Brings a parsed document into the exact shape of the models and says what it met on the way.

Key names match without regard to case (Go's decoder does so), null counts as absent, quirks of the original's web
page are accepted. Whatever does not fit is reported and left out, so that the rest can still be checked.
"""

from __future__ import annotations

import copy
import difflib
from typing import Any

from tke_tui.core.model.fields import Model
from tke_tui.core.model.findings import Findings, printable
from tke_tui.core.model.known_keys import ACCEPTED, IGNORED, LATER, SYNONYMS
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.schema import Key, keys, pattern, walk

MACHINES = "cluster.spec.machines"
MAX_OBJECTS = 100_000
"""More objects than any real input has; stops documents that multiply themselves by YAML aliases."""


class TooLarge(Exception):
    """The document has more than `MAX_OBJECTS` objects."""


class Shaper:
    """Shapes one document. `findings` fills up; `origins[i]` is the index that machine `i` has in the file."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.origins: list[int] = []
        self._objects = 0

    def shape(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the models' key names only. Raises `TooLarge`."""
        return self._object(document, CreateClusterPara, "")

    def _object(self, raw: dict[Any, Any], model: type[Model], path: str) -> dict[str, Any]:
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise TooLarge
        result: dict[str, Any] = {}
        given: dict[str, str] = {}
        for name in getattr(raw, "duplicates", ()):
            self._twice(_join(path, name))
        for raw_name, value in raw.items():
            name = str(raw_name)
            key = self._find(model, path, name)
            if key is None or value is None:
                continue
            if key.name in given:
                self._twice(_join(path, key.name))
            given[key.name] = name
            shaped = self._value(value, key, _join(path, key.name))
            if shaped is not None:
                result[key.name] = shaped
        return result

    def _find(self, model: type[Model], path: str, name: str) -> Key | None:
        known = keys(model)
        if name in known:
            return known[name]
        where = _join(path, name)
        for key in known.values():
            if key.name.lower() == name.lower():
                if key.name != "Config":
                    self.findings.warning(
                        where,
                        None,
                        f"the key is spelled {key.name}",
                        f"Rename it to {key.name}.",
                    )
                return key
        wanted = ACCEPTED.get(pattern(where))
        if wanted is not None:
            self.findings.warning(
                where,
                None,
                f"a misspelling of the original's web page; taken as {wanted}",
                f"Rename it to {wanted}.",
            )
            return known[wanted]
        if pattern(where) not in IGNORED:
            self._unknown(model, path, name)
        return None

    def _unknown(self, model: type[Model], path: str, name: str) -> None:
        where = _join(path, printable(name))
        since = LATER.get(pattern(_join(path, name)))
        if since is not None:
            self.findings.warning(
                where,
                None,
                f"known since TKEStack {since}, not used by this installer",
                "Remove the key, or leave it: it is ignored.",
            )
            return
        nearest = _nearest(model, path, name)
        self.findings.warning(
            where,
            None,
            "unknown key, ignored" + (f"; the nearest known one is {nearest}" if nearest else ""),
            f"Write {nearest} if that is meant, or remove it." if nearest else "Remove it.",
        )

    def _value(self, value: Any, key: Key, path: str) -> Any:
        if key.kind == "object" and key.model is not None:
            if isinstance(value, dict):
                return self._object(value, key.model, path)
            return self._wrong(
                path, "an object", value, "Write keys and values below it, or {} for defaults."
            )
        if key.kind == "objects" and key.model is not None:
            if isinstance(value, list):
                return self._objects_of(value, key.model, path)
            return self._wrong(path, "a list of objects", value, "Write a list, even for a single entry.")
        if key.kind == "map":
            if isinstance(value, dict):
                return self._map(value, path)
            return self._wrong(path, "names with values", value, "Write keys and values below it.")
        if key.integer and isinstance(value, str) and _is_number(value):
            self.findings.warning(path, value, "a number written as text", "Write it without quotes.")
            return int(value)
        return value

    def _objects_of(self, raw: list[Any], model: type[Model], path: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = []
        for index, item in enumerate(raw):
            where = f"{path}[{index}]"
            if not isinstance(item, dict):
                self._wrong(where, "an object", item, "Write keys and values, e.g. with ip or key.")
                continue
            shaped = self._object(item, model, where)
            expanded = _expand(shaped) if path == MACHINES else [shaped]
            if path == MACHINES:
                self.origins.extend([index] * len(expanded))
            result.extend(expanded)
        return result

    def _map(self, raw: dict[Any, Any], path: str) -> dict[str, Any]:
        for name in getattr(raw, "duplicates", ()):
            self._twice(_join(path, name))
        result: dict[str, Any] = {}
        for name, value in raw.items():
            if isinstance(name, str):
                result[name] = "" if value is None else value
            else:
                self._wrong(_join(path, str(name)), "a name as text", name, "Put the name in quotes.")
        return result

    def _twice(self, path: str) -> None:
        self.findings.error(
            printable(path), None, "given more than once", "Keep one of them; which one counts is ambiguous."
        )

    def _wrong(self, path: str, expected: str, value: Any, fix: str) -> None:
        self.findings.error(printable(path), None, f"expected {expected}, found {type_of(value)}", fix)


def type_of(value: Any) -> str:
    """What a parsed value is, in words."""
    names: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number with a fraction",
        str: "text",
        list: "a list",
        bytes: "binary data",
        type(None): "nothing",
    }
    return "an object" if isinstance(value, dict) else names.get(type(value), "something else")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _expand(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """One machine per address of an `a;b;c` list."""
    address = machine.get("ip")
    if not isinstance(address, str) or ";" not in address:
        return [machine]
    addresses = [part.strip() for part in address.split(";") if part.strip()]
    return [{**copy.deepcopy(machine), "ip": part} for part in addresses] or [{**machine, "ip": ""}]


def _nearest(model: type[Model], path: str, name: str) -> str | None:
    """The known key that was probably meant: one of the same object, else the path of one elsewhere."""
    known = keys(model)
    synonym = SYNONYMS.get(name.lower())
    if synonym in known:
        return synonym
    by_lower = {key.lower(): key for key in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return by_lower[close[0]]
    elsewhere = {found.rsplit(".", 1)[-1].lower(): found for found, _ in reversed(list(walk()))}
    return elsewhere.get((synonym or name).lower())

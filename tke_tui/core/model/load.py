"""Reads an input from a file (JSON or YAML) and explains everything that is wrong with its form.

Nothing here raises for bad input: each problem is a `Finding`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tke_tui.core.model.fields import BadBase64
from tke_tui.core.model.findings import Finding, Findings, printable
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.parse import EXAMPLES_FIX, Unparsable, parse, read_text
from tke_tui.core.model.shape import MACHINES, Shaper, TooLarge, type_of
from tke_tui.core.secrets import REFERENCE

_BASE64_FIX = "Write the base64 of the bytes, as `printf %s 'the text' | base64 -w0` prints it."
_QUOTE_FIX = "Put it in quotes."


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file.

    `para` holds everything that could be read (values of a wrong type are left out, see `findings`); None when the
    file could not be read as an object at all. `origins[i]` is the index in the file of machine `i`, since one entry
    may list several addresses. `config_key` is how the file spells `Config`.
    """

    para: CreateClusterPara | None
    findings: tuple[Finding, ...]
    origins: tuple[int, ...] = ()
    config_key: str = "Config"

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.is_error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if not f.is_error)

    def user_path(self, path: str) -> str:
        """The path of the models as the person's file has it: index of the entry, spelling of `Config`."""
        match = re.match(re.escape(MACHINES) + r"\[(\d+)\]", path)
        if match and int(match[1]) < len(self.origins):
            return f"{MACHINES}[{self.origins[int(match[1])]}]{path[match.end() :]}"
        return self.spelled(path)

    def spelled(self, path: str) -> str:
        """The path with `Config` spelled as in the file."""
        if path == "Config" or path.startswith("Config."):
            return self.config_key + path.removeprefix("Config")
        return path


def load_para(path: Path | str) -> Loaded:
    """Read a JSON or YAML file, told apart by their content; at most 4 MiB of UTF-8."""
    try:
        return parse_para(parse(read_text(Path(path)), yaml_only=_is_yaml(str(path))), str(path))
    except Unparsable as problem:
        return _failed(str(path), problem)


def load_text(text: str, name: str = "input") -> Loaded:
    """Like `load_para` for text that is already in memory; `name` stands for the file in findings."""
    try:
        return parse_para(parse(text, yaml_only=_is_yaml(name)), name)
    except Unparsable as problem:
        return _failed(name, problem)


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def parse_para(document: Any, name: str = "input") -> Loaded:
    """Turn a parsed document (dicts, lists, text, numbers) into the models."""
    if not isinstance(document, dict):
        found = type_of(document)
        return _failed(
            name, Unparsable(f"expected an object with cluster and Config, found {found}", EXAMPLES_FIX)
        )
    shaper = Shaper()
    if isinstance(document.get("para"), dict) and "Config" not in document:
        shaper.findings.warning(
            name,
            None,
            "this is a state file of the original; only its `para` is used",
            "Nothing to do: steps and credentials of the other installation are not taken over.",
        )
        document = document["para"]
    config_key = next((k for k in document if isinstance(k, str) and k.lower() == "config"), "Config")
    if config_key not in document and "cluster" not in document:
        shaper.findings.error(name, None, "neither cluster nor Config is in it", EXAMPLES_FIX)
    try:
        shaped = shaper.shape(document)
    except TooLarge:
        return _failed(
            name, Unparsable("the file has far too many objects", "Check its anchors and aliases.")
        )
    loaded = Loaded(None, (), tuple(shaper.origins), config_key)
    para, problems = _validated(shaped)
    findings = [f.at(loaded.spelled(f.path)) for f in shaper.findings.items]
    findings += [f.at(loaded.user_path(f.path)) for f in problems]
    return replace(loaded, para=para, findings=tuple(dict.fromkeys(findings)))


def _validated(shaped: dict[str, Any]) -> tuple[CreateClusterPara | None, list[Finding]]:
    """The models, without the values that do not fit, and a finding for each of those."""
    findings = Findings()
    for _ in range(2):
        try:
            return CreateClusterPara.model_validate(shaped), findings.items
        except ValidationError as error:
            problems = {_resolve(shaped, problem["loc"]): problem for problem in error.errors()}
        for place, problem in problems.items():
            _explain(findings, _text(place), problem)
        # Later entries of a list go first, so that the indices of earlier ones stay true.
        for place in sorted(problems, key=_order, reverse=True):
            _remove(shaped, place)
    return None, findings.items


def _explain(findings: Findings, path: str, problem: ErrorDetails) -> None:
    value, kind = problem["input"], problem["type"]
    if isinstance(problem.get("ctx", {}).get("error"), BadBase64):
        if isinstance(value, str) and value.startswith(REFERENCE):
            message = "a reference to a secret of an installation directory, not the secret itself"
            findings.error(path, None, message, "Write the secret in base64.")
        else:
            findings.error(path, value, "not base64 (letters, digits, + and /, padded with =)", _BASE64_FIX)
        return
    shown = value if isinstance(value, str | int | float) else None
    found = type_of(value)
    if kind.startswith("string_unicode"):
        findings.error(path, None, "holds half of a character pair", "Write the character itself.")
    elif kind.startswith("bytes"):
        findings.error(path, None, f"expected base64 text, found {found}", f"{_BASE64_FIX} {_QUOTE_FIX}")
    elif kind.startswith("string"):
        fix = _QUOTE_FIX if shown is not None else "Write a single text."
        findings.error(path, shown, f"expected text, found {found}", fix)
    elif kind.startswith("int"):
        findings.error(path, shown, f"expected a whole number, found {found}", "Write digits without quotes.")
    elif kind.startswith("bool"):
        findings.error(
            path, shown, f"expected true or false, found {found}", "Write true or false, no quotes."
        )
    elif kind.startswith("list"):
        findings.error(
            path, shown, f"expected a list, found {found}", "Write a list, even for a single entry."
        )
    else:
        findings.error(path, shown, f"this value is not possible here ({kind})", "See docs/configuration.md.")


Place = tuple[str | int, ...]


def _resolve(document: Any, location: Place) -> Place:
    """The part of an error's location that exists in the document (pydantic appends names of union members)."""
    place: list[str | int] = []
    for part in location:
        if isinstance(document, dict) and part in document:
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int):
            document = document[part]
        else:
            break
        place.append(part)
    return tuple(place)


def _order(place: Place) -> tuple[str, ...]:
    return tuple(f"{part:09d}" if isinstance(part, int) else part for part in place)


def _text(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return printable(text)


def _remove(document: Any, place: Place) -> None:
    *parents, last = place
    for part in parents:
        document = document[part]
    del document[last]


def _failed(name: str, problem: Unparsable) -> Loaded:
    finding = Finding(
        printable(name), "", problem.message, problem.fix, line=problem.line, column=problem.column
    )
    return Loaded(None, (finding,))

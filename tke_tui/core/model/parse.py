"""From a file to plain data (dicts, lists, text, numbers), with a reason and a place when that is not possible."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 4 << 20
_KEY_TWICE = "a key is given twice"
EXAMPLES_FIX = "Begin with one of the files in examples/."


class JsonObject(dict[str, Any]):
    """A JSON object that remembers the keys which were given more than once."""

    duplicates: tuple[str, ...] = ()


class Unparsable(Exception):
    """A file is no document: why, what to do, and where (line and column from 1) if that is known.

    The text never quotes the document, which holds secrets.
    """

    def __init__(self, message: str, fix: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.fix, self.line, self.column = message, fix, line, column


def read_text(path: Path) -> str:
    """The text of a file of at most 4 MiB of UTF-8 (a byte order mark is dropped). Raises `Unparsable`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise Unparsable("this is a directory", "Name the file in it, e.g. tke.json.") from None
    except FileNotFoundError:
        raise Unparsable("there is no such file", "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not possible"
        fix = "Check the path and its permissions."
        raise Unparsable(f"the file cannot be read: {reason}", fix) from None
    if len(content) > MAX_BYTES:
        raise Unparsable("the file is larger than 4 MiB", "Is this the right file? Inputs have a few KiB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unparsable("the file is not UTF-8 text", "Save it as UTF-8.", line) from None


def parse(text: str, *, yaml_only: bool = False) -> Any:
    """The document in `text`: JSON when it begins with a bracket (unless `yaml_only`), else YAML.

    Raises `Unparsable`.
    """
    if not text.strip():
        raise Unparsable("the file is empty", EXAMPLES_FIX)
    return _parse_json(text) if text.lstrip()[0] in "{[" and not yaml_only else _parse_yaml(text)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        comma = _trailing_comma(text, error.pos)
        if comma is not None:
            line, column = text.count("\n", 0, comma) + 1, comma - text.rfind("\n", 0, comma)
            fix = "Remove the comma in front of the closing bracket."
            raise Unparsable("not valid JSON: a comma after the last entry", fix, line, column) from None
        hint = _json_hint(text, error)
        raise Unparsable(f"not valid JSON: {error.msg}", hint, error.lineno, error.colno) from None
    except RecursionError:
        raise Unparsable("the file is nested far too deeply", "Check its brackets.") from None
    except ValueError:
        raise Unparsable("not valid JSON: a number nobody can read", "Write an ordinary number.") from None


def _json_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = JsonObject(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        result.duplicates = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _trailing_comma(text: str, position: int) -> int | None:
    """Where the comma is that Python up to 3.12 finds fault with at the bracket behind it, 3.13 at itself."""
    before = text[:position].rstrip()
    behind = text[position:].removeprefix(",").lstrip()
    if not behind.startswith(("]", "}")):
        return None
    if text.startswith(",", position):
        return position
    return len(before) - 1 if before.endswith(",") else None


def _json_hint(text: str, error: json.JSONDecodeError) -> str:
    if "escape" in error.msg:
        return r"Write a backslash in text as \\."
    if error.msg.startswith("Extra data"):
        return "Remove what follows the closing bracket."
    return "Check brackets, commas and quotes at and before that place."


class _YamlLoader(yaml.SafeLoader):
    """YAML without time stamps (they stay text) that refuses keys given twice.

    The loader written in C is no choice: it crashes the process on deeply nested input.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in reversed(node.value):
            if key.value != "<<" and names.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, _KEY_TWICE, key.start_mark)
        return super().construct_mapping(node, deep)


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parse_yaml(text: str) -> Any:
    try:
        # The loader is a SafeLoader.
        return yaml.load(text, _YamlLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        raise _yaml_problem(error) from None
    except RecursionError:
        raise Unparsable("the file is nested far too deeply", "Check its brackets and indentation.") from None
    except Exception:
        # PyYAML's constructors leak KeyError, IndexError, … for values like `!!bool maybe`, with the value in them.
        raise Unparsable(
            "not valid YAML: a value does not fit its tag", "Remove tags such as !!int."
        ) from None


def _yaml_problem(error: yaml.MarkedYAMLError) -> Unparsable:
    mark = error.problem_mark or error.context_mark
    reason = str(error.problem or error.context or "unreadable")
    # PyYAML quotes names of anchors and tags; a password without quotes may be taken for one.
    problem = re.sub(r"'[^']*'|\"[^\"]*\"", "…", reason)
    fix = "Check the indentation, and put texts with special characters such as * & ! % @ : # in quotes."
    if "'\\t'" in reason:
        problem, fix = "a tab cannot begin anything here", "Indent with spaces, not with tabs."
    elif reason == _KEY_TWICE:
        fix = "Keep one of the two."
    elif "another document" in reason:
        problem, fix = "a second document begins", "Put one document into the file, without --- in between."
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return Unparsable(f"not valid YAML: {problem}", fix, line, column)

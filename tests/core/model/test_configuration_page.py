"""docs/configuration.md has every key with the type, default and meaning that the models have."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.dump import dump_para
from tke_tui.core.model.fields import Model
from tke_tui.core.model.known_keys import ACCEPTED
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.schema import Key, keys, walk

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
ALL_KEYS = list(walk())


def complete(model: type[Model]) -> Model:
    """An object in which every object below is present and every list of objects has one entry."""
    values = {}
    for key in keys(model).values():
        if key.model is not None:
            values[key.attribute] = [complete(key.model)] if key.kind == "objects" else complete(key.model)
    return model(**values)


@cache
def defaults() -> dict[str, object]:
    """Every value that is there without anybody giving it, by path pattern."""
    para = complete(CreateClusterPara)
    assert isinstance(para, CreateClusterPara)
    document = dump_para(apply_defaults(para, ["first of the bundle"]))
    found: dict[str, object] = {}

    def collect(value: object, path: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                collect(inner, f"{path}.{name}" if path else name)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            collect(value[0], f"{path}[]")
        else:
            found[path] = value

    collect(document, "")
    return found


def default_text(path: str, key: Key) -> str:
    if key.kind == "object":
        return "absent" if key.default is None else "–"
    value = defaults().get(path)
    if value is None or value in ("", [], {}):
        return "–"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def row(path: str, key: Key) -> str:
    return f"| `{key.name}` | {key.type_name} | {default_text(path, key)} | {key.description} |"


@cache
def rows() -> set[tuple[str, str]]:
    """(path of the object, row) for every table row below a heading with a path."""
    found = set()
    owner = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"#+ .*`([^`]+)`", line)
        if heading:
            owner = "" if heading[1] == "{}" else heading[1]
        elif line.startswith("| `"):
            found.add((owner, line))
    return found


@pytest.mark.parametrize(("path", "key"), ALL_KEYS, ids=[path for path, _ in ALL_KEYS])
def test_key_is_described(path: str, key: Key) -> None:
    owner = path.rpartition(".")[0]

    assert key.description
    assert (owner, row(path, key)) in rows()


def test_no_row_describes_a_key_that_is_not_there() -> None:
    known = {(path.rpartition(".")[0], row(path, key)) for path, key in ALL_KEYS}

    assert rows() - known == set()


def test_accepted_misspellings_are_described() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for path, meant in ACCEPTED.items():
        assert f"`{path.rpartition('.')[2]}`" in text
        assert f"`{meant}`" in text

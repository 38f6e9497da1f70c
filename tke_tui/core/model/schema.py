"""The key tree of the input, read off the models: one source for loading, dumping, masking and documentation."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretBytes, SecretStr

from tke_tui.core.model.fields import Model
from tke_tui.core.model.para import CreateClusterPara

Kind = Literal["object", "objects", "map", "value"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an object.

    `name` is the key in documents, `attribute` the Python name. `kind`: `object` (of `model`), `objects` (list of
    them), `map` (any keys) or `value`. `secret`: never shown. `base64`: bytes in memory, base64 text in documents.
    `type_name`, `title` ("" = none of its own) and `description` are for people; `default` is the value when the key
    is absent.
    """

    name: str
    attribute: str
    kind: Kind
    model: type[Model] | None
    secret: bool
    base64: bool
    integer: bool
    type_name: str
    title: str
    description: str
    default: Any


@cache
def keys(model: type[Model]) -> dict[str, Key]:
    """The keys of an object by their name in documents, in the order of the model."""
    found: dict[str, Key] = {}
    for attribute, field in model.model_fields.items():
        members = _members(field.annotation)
        name = field.alias or attribute
        nested = next((m for m in members if isinstance(m, type) and issubclass(m, Model)), None)
        items = next((m for m in members if get_origin(m) is list), None)
        item = get_args(items)[0] if items is not None else None
        of_objects = isinstance(item, type) and issubclass(item, Model)
        kind: Kind = "value"
        if nested is not None:
            kind = "object"
        elif of_objects:
            kind, nested = "objects", item
        elif any(get_origin(m) is dict for m in members):
            kind = "map"
        found[name] = Key(
            name=name,
            attribute=attribute,
            kind=kind,
            model=nested,
            secret=SecretBytes in members or SecretStr in members,
            base64=SecretBytes in members or bytes in members,
            integer=int in members,
            type_name=_type_name(kind, members),
            title=field.title or "",
            description=field.description or "",
            default=field.get_default(call_default_factory=True),
        )
    return found


def walk(model: type[Model] = CreateClusterPara, prefix: str = "") -> Iterator[tuple[str, Key]]:
    """Every key below `model` with its path pattern, e.g. `cluster.spec.machines[].ip`; parents come first."""
    for key in keys(model).values():
        path = f"{prefix}.{key.name}" if prefix else key.name
        yield path, key
        if key.model is not None:
            yield from walk(key.model, f"{path}[]" if key.kind == "objects" else path)


def pattern(path: str) -> str:
    """The path pattern of a concrete path: indices cut out, `config` spelled `Config`."""
    bare = re.sub(r"\[\d+\]", "[]", path)
    return "Config" + bare[len("config") :] if re.match(r"config(\.|$)", bare) else bare


def covers_secret(path: str) -> bool:
    """Whether the value at `path` is a secret or an object in which there may be one."""
    wanted = pattern(path)
    if wanted in SECRET_PATHS:
        return True
    return any(secret.startswith((f"{wanted}.", f"{wanted}[]")) for secret in SECRET_PATHS)


def _members(annotation: Any) -> list[Any]:
    """The alternatives of a union without None, `Annotated` taken off; a list of one for anything else."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [] if annotation is type(None) else [annotation]


def _type_name(kind: Kind, members: list[Any]) -> str:
    if kind == "object":
        return "object"
    if kind == "objects":
        return "list of objects"
    if kind == "map":
        return "map"
    names: dict[Any, str] = {
        str: "string",
        int: "integer",
        bool: "boolean",
        bytes: "base64",
        SecretBytes: "base64",
        SecretStr: "string",
    }
    return " or ".join(names.get(m) or f"list of {_list_item(m)}" for m in members)


def _list_item(annotation: Any) -> str:
    return "strings" if get_args(annotation)[0] is str else "objects"


SECRET_PATHS: frozenset[str] = frozenset(path for path, key in walk() if key.secret)
"""Path patterns of every secret, e.g. `cluster.spec.machines[].password`."""

"""Reading and writing a tree of models by document paths such as `cluster.spec.machines[0].labels.zone`."""

from __future__ import annotations

import re
from typing import Any

from pydantic import SecretBytes, SecretStr

from tke_tui.core.model.fields import Model, reveal, secret
from tke_tui.core.model.schema import Key, keys

_HEAD = re.compile(r"\.?([^.\[\]]+)")
_INDEX = re.compile(r"\[(\d+)\]")


class NotPossible(ValueError):
    """A value that the place cannot hold, e.g. letters where a number belongs."""


def key_of(root: type[Model], path: str) -> Key:
    """The key that a path (concrete or pattern) ends at. Raises `KeyError` for a path that no model has."""
    model, rest = root, re.sub(r"\[\d*\]", "", path)
    while True:
        name, rest = _name(rest, path)
        key = keys(model).get(name)
        if key is None:
            raise KeyError(path)
        if not rest or key.kind == "map":
            return key
        if key.model is None:
            raise KeyError(path)
        model = key.model


def get(node: Model, path: str) -> Any:
    """The value at a path as the model holds it; None when it or an object above it is absent."""
    name, rest = _name(path, path)
    value = getattr(node, _key(node, name, path).attribute)
    if not rest or value is None:
        return value
    if isinstance(value, dict):
        return value.get(rest.removeprefix("."))
    if isinstance(value, list):
        index, rest = _index(rest, path)
        if index >= len(value):
            return None
        value = value[index]
        if not rest:
            return value
    return get(value, rest)


def put(node: Model, path: str, value: Any) -> None:
    """Set the value at a path; absent objects above it are made.

    Text is taken in clear: it is what a person typed. "" and None stand for absent. Objects may be given as models
    or as documents (`{}` = present with defaults), lists of objects likewise. Raises `NotPossible` for a value that
    does not fit, `KeyError` for a path that no model has, `IndexError` for an entry that is not there.
    """
    name, rest = _name(path, path)
    key = _key(node, name, path)
    if not rest:
        setattr(node, key.attribute, fitting(key, value))
        return
    current = getattr(node, key.attribute)
    if key.kind == "map":
        entry = rest.removeprefix(".")
        if value in (None, ""):
            current.pop(entry, None)
        else:
            current[entry] = str(value)
        return
    if isinstance(current, list):
        index, rest = _index(rest, path)
        if not rest:
            if value is None:
                del current[index]
            else:
                current[index] = fitting(key, [value])[0]
            return
        current = current[index]
    elif current is None:
        assert key.model is not None
        current = key.model()
        setattr(node, key.attribute, current)
    put(current, rest, value)


def fitting(key: Key, value: Any) -> Any:
    """What the model holds for a value as a person gives it. Raises `NotPossible`."""
    if key.kind == "object":
        return None if value is None else _object(key, value)
    if key.kind == "objects":
        return [_object(key, item) for item in value or ()]
    if key.kind == "map":
        return {str(name): str(text) for name, text in (value or {}).items()}
    if isinstance(key.default, list):
        return [str(item) for item in value or ()]
    if key.secret:
        return _secret(key, value)
    if isinstance(value, str):
        return _from_text(key, value)
    return key.default if value is None else value


def to_text(key: Key, value: Any) -> str:
    """A single value as it stands in an input line; "" for what is absent."""
    if value is None or value is False:
        return ""
    if isinstance(value, SecretBytes | SecretStr):
        return reveal(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value == 0 and key.default == 0:
        return ""
    return str(value)


def _object(key: Key, value: Any) -> Model:
    assert key.model is not None
    if isinstance(value, key.model):
        return value
    return key.model.model_validate(value)


def _secret(key: Key, value: Any) -> SecretBytes | SecretStr | None:
    if isinstance(value, SecretBytes | SecretStr):
        value = value.get_secret_value()
    if not value:
        return None
    if key.base64:
        return secret(value)
    return SecretStr(value if isinstance(value, str) else value.decode("utf-8", "surrogateescape"))


def _from_text(key: Key, text: str) -> Any:
    if key.base64:
        return text.encode("utf-8", "surrogateescape") or None
    if not key.integer:
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise NotPossible("holds half of a character pair")
        return key.default if not text and key.default is None else text
    stripped = text.strip()
    if not stripped:
        return key.default
    if stripped.isascii() and stripped.isdigit() and len(stripped) < 10:
        return int(stripped)
    if "string" in key.type_name:
        return stripped
    raise NotPossible("not a whole number")


def _name(path: str, whole: str) -> tuple[str, str]:
    match = _HEAD.match(path)
    if match is None:
        raise KeyError(whole)
    return match[1], path[match.end() :]


def _index(path: str, whole: str) -> tuple[int, str]:
    match = _INDEX.match(path)
    if match is None:
        raise KeyError(whole)
    return int(match[1]), path[match.end() :]


def _key(node: Model, name: str, path: str) -> Key:
    key = keys(type(node)).get(name)
    if key is None:
        raise KeyError(path)
    return key

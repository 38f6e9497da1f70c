"""The input as a document of the original's shape, and the secrets in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import SecretBytes, SecretStr

from tke_tui.core.model.fields import MASK, Model, encode_base64, reveal
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.schema import SECRET_PATHS, keys

__all__ = ["SECRET_PATHS", "dump_para", "map_secrets", "secret_values"]

Replace = Callable[[str, str], str]
"""replace(path, value): `value` as it stands in the document, i.e. base64 for byte fields."""


def dump_para(
    para: CreateClusterPara, *, secrets: Literal["reveal", "mask"] | Replace = "mask"
) -> dict[str, Any]:
    """A JSON-ready document of the original's shape; absent and empty values are left out.

    `secrets`: "mask" puts `******` in their place, "reveal" writes them, a function `replace(path, value)` gives
    the text to write instead, e.g. a reference when the document is saved. A revealed document loads as an equal
    input.
    """
    document = _document(para)
    if secrets == "reveal":
        return document
    return map_secrets(document, (lambda path, value: MASK) if secrets == "mask" else secrets)


def map_secrets(document: dict[str, Any], replace: Replace) -> dict[str, Any]:
    """A copy of a document made by `dump_para` in which `replace(path, value)` stands for each secret text.

    Works both ways: to put references in the place of secrets and to resolve them again before parsing.
    """
    result = copy.deepcopy(document)
    for pattern in sorted(SECRET_PATHS):
        for parent, name, path in _places(result, pattern):
            if isinstance(parent.get(name), str):
                parent[name] = replace(path, parent[name])
    return result


def secret_values(para: CreateClusterPara) -> list[str]:
    """Every secret of the input in clear and in base64, without duplicates, for the redactor.

    Passwords inside URLs count. Bytes that are not UTF-8 are given with surrogate escapes.
    """
    found: dict[str, None] = {}
    for clear in _clear_secrets(para):
        found[clear] = None
        found[encode_base64(clear.encode("utf-8", "surrogateescape"))] = None
    return [value for value in found if value]


def _document(model: Model) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key in keys(type(model)).values():
        value = getattr(model, key.attribute)
        if value is None:
            continue
        plain = _plain(value)
        if plain in ("", [], {}, 0) and value == key.default and not isinstance(plain, bool):
            continue
        document[key.name] = plain
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return _document(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, SecretBytes):
        return encode_base64(value.get_secret_value())
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bytes):
        return encode_base64(value)
    return copy.deepcopy(value)


def _places(document: Any, pattern: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every (object, key, concrete path) that `pattern` names in `document`."""
    nodes = [(document, "")]
    *parents, last = pattern.split(".")
    for part in parents:
        name = part.removesuffix("[]")
        following: list[tuple[Any, str]] = []
        for node, path in nodes:
            child = node.get(name) if isinstance(node, dict) else None
            child_path = f"{path}.{name}" if path else name
            if part.endswith("[]"):
                items = child if isinstance(child, list) else []
                following.extend((item, f"{child_path}[{i}]") for i, item in enumerate(items))
            else:
                following.append((child, child_path))
        nodes = following
    for node, path in nodes:
        if isinstance(node, dict):
            yield node, last, f"{path}.{last}"


def _clear_secrets(model: Model) -> Iterator[str]:
    for key in keys(type(model)).values():
        value = getattr(model, key.attribute)
        if isinstance(value, Model):
            yield from _clear_secrets(value)
        elif key.kind == "objects":
            for item in value:
                yield from _clear_secrets(item)
        elif isinstance(value, SecretBytes | SecretStr):
            yield reveal(value)
        elif isinstance(value, str) and "://" in value:
            yield from _url_password(value)


def _url_password(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)

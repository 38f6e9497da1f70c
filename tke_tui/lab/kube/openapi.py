"""The OpenAPI 2 document of the API: kubectl checks manifests with it, explains fields and looks up what may be tried.

kubectl wants it as a protobuf message, `openapi.v2.Document` of github.com/googleapis/gnostic (OpenAPIv2.proto), from
which the numbers of the fields here are. Of paths there are only those by which kubectl sees that changes of a kind may
be tried (`dryRun`); servers that an APIService leads to describe nothing.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping

from tke_tui.lab.kube.kinds import KindTable, Object, group_of
from tke_tui.lab.kube.schemas import built_in, of_custom_kinds

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_GVK = "x-kubernetes-group-version-kind"
_TITLE, _VERSION = "Kubernetes", "v1.20.2"


def document_json(served: Mapping[str, KindTable], custom: Iterable[Object]) -> bytes:
    """The document for the kinds of `served`; `custom` are the CustomResourceDefinitions."""
    document = {
        "swagger": "2.0",
        "info": {"title": _TITLE, "version": _VERSION},
        "paths": {path: {"patch": {"parameters": [_DRY_RUN], _GVK: gvk}} for path, gvk in _paths(served)},
        "definitions": {**built_in(), **of_custom_kinds(custom)},
    }
    return json.dumps(document).encode()


def document_protobuf(served: Mapping[str, KindTable], custom: Iterable[Object]) -> bytes:
    """The same as a protobuf message."""
    definitions = _definitions_of_built_in() + _definitions(of_custom_kinds(custom))
    paths = b"".join(_field(2, _named(path, _patch(gvk))) for path, gvk in _paths(served))
    info = _text(1, _TITLE) + _text(2, _VERSION)
    return _text(1, "2.0") + _field(2, info) + _field(8, paths) + _field(9, definitions)


_DRY_RUN = {"name": "dryRun", "in": "query", "type": "string", "uniqueItems": True}


def _paths(served: Mapping[str, KindTable]) -> list[tuple[str, Object]]:
    found = []
    for version, kinds in served.items():
        group = group_of(version)
        for kind, (plural, namespaced) in kinds.items():
            start = f"/apis/{version}" if group else f"/api/{version}"
            path = f"{start}{'/namespaces/{namespace}' if namespaced else ''}/{plural}/{{name}}"
            found.append((path, {"group": group, "kind": kind, "version": version.rpartition("/")[2]}))
    return found


# --- protobuf ------------------------------------------------------------------------------------------------------


def _patch(gvk: Object) -> bytes:
    """PathItem with an operation `patch` that takes `dryRun`."""
    query = _text(2, "query") + _text(4, "dryRun") + _text(6, "string")
    parameter = _field(1, _field(2, _field(3, query)))
    operation = _field(8, parameter) + _field(13, _extension(_GVK, gvk))
    return _field(8, operation)


@functools.cache
def _definitions_of_built_in() -> bytes:
    return _definitions(built_in())


def _definitions(schemas: Mapping[str, Object]) -> bytes:
    return b"".join(_field(1, _named(name, _schema(schema))) for name, schema in schemas.items())


def _schema(schema: Object) -> bytes:
    parts = [
        _text(number, schema[key])
        for number, key in ((1, "$ref"), (2, "format"), (4, "description"))
        if schema.get(key)
    ]
    parts += [_text(19, name) for name in schema.get("required", ())]
    if "additionalProperties" in schema:
        parts.append(_field(21, _field(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_field(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_field(23, _field(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_field(25, _definitions(schema["properties"])))
    parts += [_field(31, _extension(key, value)) for key, value in schema.items() if key.startswith("x-")]
    return b"".join(parts)


def _extension(name: str, value: object) -> bytes:
    """NamedAny; JSON is YAML as well."""
    return _named(name, _text(2, json.dumps(value)))


def _named(name: str, value: bytes) -> bytes:
    """NamedSchema, NamedAny, NamedPathItem: a name and what it stands for."""
    return _text(1, name) + _field(2, value)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

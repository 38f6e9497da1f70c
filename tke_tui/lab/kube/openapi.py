"""The least OpenAPI document that kubectl accepts: it asks for one before it creates anything.

kubectl 1.20 wants it as a protobuf message (`openapi.v2.Document` of github.com/googleapis/gnostic); without a schema
for a kind it checks nothing and lets the server decide.
"""

from __future__ import annotations

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

_SWAGGER, _INFO, _PATHS, _TITLE, _VERSION = 1, 2, 8, 1, 2
"""Field numbers of Document (swagger, info, paths) and Info (title, version)."""


def document_json() -> dict[str, object]:
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.20.2"}, "paths": {}}


def document_protobuf() -> bytes:
    info = _field(_TITLE, b"Kubernetes") + _field(_VERSION, b"v1.20.2")
    return _field(_SWAGGER, b"2.0") + _field(_INFO, info) + _field(_PATHS, b"")


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field; the contents here are shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content

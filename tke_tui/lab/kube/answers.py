"""Answers of the in-process Kubernetes API."""

from __future__ import annotations

import asyncio
import json
from typing import NoReturn

from aiohttp import web

from tke_tui.lab.kube.kinds import Object, group_of
from tke_tui.lab.kube.store import Key

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
}


def status(
    code: int,
    message: str,
    headers: dict[str, str] | None = None,
    *,
    reason: str = "",
    details: Object | None = None,
) -> web.Response:
    """A failure as a v1 Status; the reason is by default that of the code."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or REASONS.get(code, ""),
        "code": code,
    }
    if details:
        document["details"] = details
    return web.json_response(document, status=code, headers=headers)


def cut(request: web.Request) -> NoReturn:
    """End the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


def missing(key: Key, plural: str) -> web.Response:
    return _about(404, key, plural, "not found", "NotFound")


def exists(key: Key, plural: str) -> web.Response:
    return _about(409, key, plural, "already exists", "AlreadyExists")


def conflict(key: Key, plural: str) -> web.Response:
    """Somebody else has changed the object since it was read."""
    group = _name(key, plural)
    message = (
        f'Operation cannot be fulfilled on {group} "{key[3]}": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )
    return status(409, message, details={"name": key[3], "kind": plural})


def _about(code: int, key: Key, plural: str, what: str, reason: str) -> web.Response:
    details = {"name": key[3], "kind": plural, "group": group_of(key[0])}
    return status(code, f'{_name(key, plural)} "{key[3]}" {what}', reason=reason, details=details)


def _name(key: Key, plural: str) -> str:
    group = group_of(key[0])
    return f"{plural}.{group}" if group else plural


async def send(response: web.StreamResponse, kind: str, obj: Object) -> None:
    """One event of a watch."""
    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

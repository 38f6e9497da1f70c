"""Answers of the in-process Kubernetes API."""

from __future__ import annotations

import asyncio
import json
from typing import NoReturn

from aiohttp import web

from tke_tui.lab.kube.store import Key, Object


def status(code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return web.json_response(document, status=code, headers=headers)


def cut(request: web.Request) -> NoReturn:
    """End the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


def missing(key: Key) -> web.Response:
    return status(404, f'{key[1].lower()}s "{key[3]}" not found')


async def send(response: web.StreamResponse, kind: str, obj: Object) -> None:
    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

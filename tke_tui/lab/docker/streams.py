"""Answers of the Docker Engine API: errors, and streams of JSON lines whose errors come with status 200."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

Json = dict[str, Any]


def fail(status: int, message: str) -> web.Response:
    # Without a charset, as the engine's: the Docker command line compares the whole header.
    body = json.dumps({"message": message}).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json"})


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    return response


async def line(response: web.StreamResponse, document: Json) -> None:
    await response.write(json.dumps(document).encode() + b"\r\n")


async def end(response: web.StreamResponse, *documents: Json) -> web.StreamResponse:
    for document in documents:
        await line(response, document)
    await response.write_eof()
    return response


def error(message: str) -> Json:
    """The last line of a stream that failed."""
    return {"errorDetail": {"message": message}, "error": message}

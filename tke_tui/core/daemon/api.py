"""The HTTP API: the original's addresses, and ours for what it did not have. Described in docs/api.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, cast

from aiohttp import web

from tke_tui.core import installation as installations
from tke_tui.core.daemon import bodies
from tke_tui.core.daemon.answers import BadRequest, Handler, NotThere, as_json, explain, problem
from tke_tui.core.daemon.checks import findings
from tke_tui.core.daemon.control import Client
from tke_tui.core.daemon.desk import DESK, Desk, client_of
from tke_tui.core.daemon.progress import log_text, result_fields, status_word
from tke_tui.core.daemon.seat import peer_of
from tke_tui.core.daemon.trial import try_login
from tke_tui.core.errors import StateError, TkeError
from tke_tui.core.machine_login import MachineLogin
from tke_tui.core.model.dump import dump_para

CLUSTER = "global"
"""The one cluster's name, as in the original."""

CHECKS = "/api/preflight"

CLIENT = web.RequestKey("client", Client)
routes = web.RouteTableDef()


def make_app(desk: Desk) -> web.Application:
    app = web.Application(middlewares=[explain, _admit], client_max_size=bodies.LARGEST)
    app[DESK] = desk
    app.add_routes(routes)
    return app


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only the engine's own user and root come in, whatever the file's mode says."""
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None:
        raise web.HTTPForbidden(reason="It is not known who asks")
    peer = peer_of(cast(socket.socket, connection))
    if not peer.may_enter:
        raise web.HTTPForbidden(reason="This engine serves the user it runs as, and root")
    request[CLIENT] = client_of(request, peer)
    with request.app[DESK].presence.somebody():
        if request.method == "GET" or request.path == CHECKS:
            return await handler(request)
        return await _to_its_end(handler(request))


async def _to_its_end(command: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    """A command is carried out even when the client goes away meanwhile; a stream is not."""
    task = asyncio.ensure_future(command)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def _commanding(request: web.Request) -> Desk:
    """The desk, for a client that may give commands. Raises `NotInControl` or `ReadOnly`."""
    desk = request.app[DESK]
    desk.require(request[CLIENT])
    return desk


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "") in ("1", "true", "yes")


def _require_cluster(request: web.Request) -> None:
    name = request.match_info["name"]
    if name != CLUSTER:
        raise NotThere(f"There is no cluster {name}", detail=f"the one there can be is called {CLUSTER}")


# --- the original's ------------------------------------------------------------------------------------------------


@routes.post("/api/cluster")
async def begin(request: web.Request) -> web.Response:
    desk = _commanding(request)
    document = await bodies.json_object(request)
    para, settings = await asyncio.to_thread(bodies.input_of, document, desk.bundle)
    await desk.keeper.start(para, settings, force=_flag(request, "force"))
    return as_json(dump_para(para), status=201)


@routes.get("/api/cluster/{name}")
async def cluster(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = request.app[DESK]
    if not installations.has_installation(desk.directory):
        raise NotThere("There is no cluster yet", fix="Begin one: POST /api/cluster, or tke-tui.")
    found = await asyncio.to_thread(installations.look, desk.directory, passphrase=desk.passphrase())
    return as_json(dump_para(found.para))


@routes.get("/api/cluster/{name}/progress")
async def progress(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = request.app[DESK]
    running = bool(desk.foreground) or desk.keeper.phase == "running"
    document: dict[str, Any] = {
        "status": status_word(desk.keeper.status, running=running, retrying=desk.hub.is_retrying),
        "data": await asyncio.to_thread(log_text, desk.directory.journal),
    }
    if document["status"] == "Success":
        result = await asyncio.to_thread(
            installations.read_result, desk.directory, passphrase=desk.passphrase()
        )
        document |= result_fields(result, reveal=_flag(request, "reveal"))
    return as_json(document)


@routes.put("/api/cluster/{name}/retry")
async def retry(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = _commanding(request)
    tasks = bodies.texts_of(await bodies.json_object(request, may_be_empty=True), "tasks")
    await desk.keeper.retry(tasks)
    return as_json({"status": "OK"})


@routes.post("/api/ssh")
async def ssh(request: web.Request) -> web.Response:
    desk = _commanding(request)
    document = await bodies.json_object(request)
    accepted = document.get("acceptFingerprint")
    test = await try_login(
        bodies.machine_of(document),
        known_hosts=desk.directory.known_hosts,
        accepted=accepted if isinstance(accepted, str) else "",
        accept_new=document.get("hostKeyPolicy") == "accept-new",
        ways=bodies.ways_of(document, desk.directory),
    )
    status = {"status": "OK"} if test.ok else {"status": "Failed"}
    return as_json(status | test.as_dict(), status=200 if test.ok else 400)


# --- ours ----------------------------------------------------------------------------------------------------------


@routes.get("/api/engine")
async def engine(request: web.Request) -> web.Response:
    return as_json(request.app[DESK].status(request[CLIENT]))


@routes.delete("/api/engine")
async def leave(request: web.Request) -> web.Response:
    """The process ends, unless it is at work; for whoever wants to work in the directory instead."""
    desk = request.app[DESK]
    if desk.foreground or desk.keeper.phase == "running":
        raise StateError("The engine is at work", fix="Stop the installation first.")
    desk.leave()
    return as_json({"status": "OK"}, status=202)


@routes.put("/api/control")
async def control(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    if desk.foreground:
        desk.require(request[CLIENT])
    desk.control.take(request[CLIENT])
    return as_json(desk.status(request[CLIENT]))


@routes.put("/api/cluster/{name}/resume")
async def resume(request: web.Request) -> web.Response:
    _require_cluster(request)
    await _commanding(request).keeper.resume()
    return as_json({"status": "OK"})


@routes.put("/api/cluster/{name}/restart")
async def restart(request: web.Request) -> web.Response:
    _require_cluster(request)
    await _commanding(request).keeper.restart()
    return as_json({"status": "OK"})


@routes.put("/api/cluster/{name}/skip")
async def skip(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = _commanding(request)
    await desk.keeper.skip(bodies.text_of(await bodies.json_object(request), "task"))
    return as_json({"status": "OK"})


@routes.put("/api/cluster/{name}/stop")
async def stop(request: web.Request) -> web.Response:
    _require_cluster(request)
    _commanding(request).keeper.stop()
    return as_json({"status": "OK"}, status=202)


@routes.put("/api/cluster/{name}/machines/{node}/login")
async def fix_login(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = _commanding(request)
    login = MachineLogin.from_dict(await bodies.json_object(request))
    await desk.keeper.fix_login(request.match_info["node"], login)
    return as_json({"status": "OK"})


@routes.get("/api/cluster/{name}/result")
async def result(request: web.Request) -> web.Response:
    _require_cluster(request)
    desk = request.app[DESK]
    found = await asyncio.to_thread(installations.read_result, desk.directory, passphrase=desk.passphrase())
    return as_json(found.as_dict(reveal=_flag(request, "reveal")))


@routes.get("/api/questions")
async def questions(request: web.Request) -> web.Response:
    return as_json([question.as_dict() for question in request.app[DESK].questions.open])


@routes.put("/api/questions/{question}")
async def answer(request: web.Request) -> web.Response:
    desk = _commanding(request)
    yes = (await bodies.json_object(request)).get("yes")
    if not isinstance(yes, bool):
        raise BadRequest("yes is missing", detail='the body needs true or false under "yes"')
    desk.questions.answer(request.match_info["question"], yes)
    return as_json({"status": "OK"})


@routes.get("/api/events")
async def events(request: web.Request) -> web.StreamResponse:
    desk, client = request.app[DESK], request[CLIENT]
    after = request.query.get("after", "0")
    if not after.isdecimal():
        raise BadRequest("after is no number", detail="it is the seq of the last event that is known")
    desk.presence.was_followed = True
    desk.control.attach(client, claim=_flag(request, "claim") and not desk.foreground)
    try:
        return await _stream(request, desk.hub.stream(int(after), lambda: desk.greeting(client)))
    finally:
        desk.control.detach(client)


@routes.post(CHECKS)
async def preflight(request: web.Request) -> web.StreamResponse:
    desk = _commanding(request)
    document = await bodies.json_object(request)
    para, settings = await asyncio.to_thread(bodies.input_of, document, desk.bundle)
    ask = desk.questions.ask_host_key
    found = findings(para, settings, known_hosts=desk.directory.known_hosts, ask_host_key=ask)

    async def lines() -> AsyncGenerator[bytes, None]:
        async with contextlib.aclosing(found) as coming:
            try:
                async for finding in coming:
                    yield json.dumps(finding.as_dict(), ensure_ascii=False).encode() + b"\n"
            except TkeError as error:
                yield json.dumps({"problem": problem(error)}, ensure_ascii=False).encode() + b"\n"

    return await _stream(request, lines())


async def _stream(request: web.Request, lines: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """Send lines as they come until they end or the client goes away; waits for slow readers, and only for them."""
    response = web.StreamResponse(
        headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    async with contextlib.aclosing(lines) as pieces:
        with contextlib.suppress(ConnectionError):
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
    return response

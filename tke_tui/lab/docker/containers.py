"""Containers of the embedded Docker engine. One of an image called `registry…` is a registry that really listens."""

from __future__ import annotations

import datetime
import json
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from tke_tui.lab.docker.archive import SavedImage
from tke_tui.lab.docker.streams import Json, fail
from tke_tui.lab.registry import RegistryServer, digest_of

ANY = r"/{version:(?:v\d+\.\d+/)?}"
"""Begin of each path: clients name the version of the API that they speak, or none."""


_NEEDS_A_PROCESS = ("archive", "attach", "exec", "export", "stats", "top")


class Containers:
    """`rows` by name, as inspect shows them; `find` looks up images, all registries serve what `storage` holds.

    `said` is what the log of every registry shows; other containers say nothing. `make_way` is called with each port
    that is about to be listened on.
    """

    def __init__(
        self,
        find: Callable[[str], SavedImage | None],
        storage: RegistryServer,
        make_way: Callable[[int], None],
    ) -> None:
        self.rows: dict[str, Json] = {}
        self.registries: dict[str, RegistryServer] = {}
        self.said = "listening on [::]:5000\n"
        self._find = find
        self._storage = storage
        self._make_way = make_way

    def routes(self) -> list[web.RouteDef]:
        one = f"{ANY}containers/{{name}}"
        return [
            web.get(f"{ANY}containers/json", self._list),
            web.post(f"{ANY}containers/create", self._create),
            web.get(f"{one}/json", self._inspect),
            web.get(f"{one}/logs", self._logs),
            web.post(f"{one}/start", self._start),
            web.post(f"{one}/stop", self._stop),
            web.post(f"{one}/kill", self._stop),
            web.post(f"{one}/restart", self._restart),
            web.post(f"{one}/wait", self._wait),
            web.delete(one, self._remove),
            *(web.route("*", f"{one}/{what}", self._nothing_runs) for what in _NEEDS_A_PROCESS),
        ]

    async def close(self) -> None:
        for registry in self.registries.values():
            await registry.stop()

    def _named(self, request: web.Request) -> tuple[str, Json] | None:
        wanted = request.match_info["name"].lstrip("/")
        for name, row in self.rows.items():
            if wanted == name or (len(wanted) >= 4 and row["Id"].startswith(wanted)):
                return name, row
        return None

    def _missing(self, request: web.Request) -> web.Response:
        return fail(404, f"No such container: {request.match_info['name']}")

    async def _list(self, request: web.Request) -> web.Response:
        every = request.query.get("all", "") in ("1", "true", "True")
        rows = [_listed(name, row) for name, row in self.rows.items() if every or row["State"]["Running"]]
        return web.json_response(rows)

    async def _create(self, request: web.Request) -> web.Response:
        config = await request.json()
        name = request.query.get("name") or f"lab_{len(self.rows) + 1}"
        if name in self.rows:
            return fail(409, f'Conflict. The container name "/{name}" is already in use')
        image = self._find(config["Image"])
        if image is None:
            return fail(404, f"No such image: {config['Image']}")
        host = config.pop("HostConfig", {})
        if not config.get("Cmd"):
            config["Cmd"] = json.loads(image.config)["config"].get("Cmd")
        self.rows[name] = {
            "Id": digest_of(name.encode())[7:],
            "Name": f"/{name}",
            "Created": _now(),
            "Image": image.id,
            "Config": {"Tty": False, **config},
            "HostConfig": host,
            "NetworkSettings": {"Networks": {}, "Ports": {}},
            "Mounts": [],
            "State": {"Running": False, "Status": "created", "ExitCode": 0},
        }
        return web.json_response({"Id": self.rows[name]["Id"], "Warnings": []}, status=201)

    async def _inspect(self, request: web.Request) -> web.Response:
        found = self._named(request)
        return web.json_response(found[1]) if found else self._missing(request)

    async def _logs(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return self._missing(request)
        text = self.said.encode() if "registry" in found[1]["Config"]["Image"] else b""
        if not text:
            return web.Response()
        return web.Response(body=b"\x02\x00\x00\x00" + len(text).to_bytes(4, "big") + text)

    async def _start(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return self._missing(request)
        name, row = found
        if row["State"]["Running"]:
            return web.Response(status=304)
        others = [other for known, other in self.rows.items() if known != name]
        taken = {port for other in others for port in _running_ports(other)} & set(_host_ports(row))
        if taken:
            return fail(500, f"Bind for 0.0.0.0:{min(taken)} failed: port is already allocated")
        if "registry" in row["Config"]["Image"]:
            try:
                self.registries[name] = await self._start_registry(row)
            except OSError as error:
                return fail(500, f"driver failed programming external connectivity: {error}")
        row["State"] = {"Running": True, "Status": "running", "ExitCode": 0, "StartedAt": _now()}
        return web.Response(status=204)

    async def _start_registry(self, row: Json) -> RegistryServer:
        binds = {bind.split(":")[1]: Path(bind.split(":")[0]) for bind in row["HostConfig"]["Binds"]}
        environment = dict(entry.split("=", 1) for entry in row["Config"].get("Env") or [])
        tls = None
        if "REGISTRY_HTTP_TLS_CERTIFICATE" in environment:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            files = (environment["REGISTRY_HTTP_TLS_CERTIFICATE"], environment["REGISTRY_HTTP_TLS_KEY"])
            crt, key = (binds[str(Path(file).parent)] / Path(file).name for file in files)
            tls.load_cert_chain(crt, key)
        shared, port = self._storage, _host_ports(row)[0]
        self._make_way(port)
        return await RegistryServer(
            port=port,
            tls=tls,
            blobs=shared.blobs,
            repositories=shared.repositories,
            manifests=shared.manifests,
            faults=shared.faults,
            requests=shared.requests,
        ).start()

    async def _stop(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return self._missing(request)
        if not found[1]["State"]["Running"]:
            return web.Response(status=304)
        await self._end(*found)
        return web.Response(status=204)

    async def _end(self, name: str, row: Json) -> None:
        if name in self.registries:
            await self.registries.pop(name).stop()
        row["State"] = {"Running": False, "Status": "exited", "ExitCode": 0, "FinishedAt": _now()}

    async def _restart(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return self._missing(request)
        await self._end(*found)
        return await self._start(request)

    async def _wait(self, request: web.Request) -> web.Response:
        found = self._named(request)
        return web.json_response({"StatusCode": 0}) if found else self._missing(request)

    async def _remove(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return self._missing(request)
        name, row = found
        if row["State"]["Running"] and request.query.get("force", "") not in ("1", "true", "True"):
            why = "container is running: stop the container before removing or force remove"
            return fail(409, f'cannot remove container "/{name}": {why}')
        await self._end(name, row)
        self.rows.pop(name)
        return web.Response(status=204)

    async def _nothing_runs(self, request: web.Request) -> web.Response:
        if self._named(request) is None:
            return self._missing(request)
        what = request.path.rpartition("/")[2]
        return fail(
            501, f"the embedded lab runs no containers: there is no process behind this one for {what}"
        )


def _listed(name: str, row: Json) -> Json:
    said, state = row["State"], row["State"].get("Status", "running" if row["State"]["Running"] else "exited")
    ports = [{"IP": "0.0.0.0", "PrivatePort": p, "PublicPort": p, "Type": "tcp"} for p in _running_ports(row)]
    return {
        "Id": row["Id"],
        "Names": [f"/{name}"],
        "Image": row["Config"].get("Image", ""),
        "ImageID": row.get("Image", ""),
        "Command": " ".join(row["Config"].get("Cmd") or ()),
        "Created": int(_moment(row.get("Created", "")).timestamp()),
        "Ports": ports,
        "Labels": {},
        "State": state,
        "Status": _status(said),
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }


def _status(state: Json) -> str:
    """As `docker ps` shows it."""
    if state["Running"]:
        return f"Up {_since(state.get('StartedAt', ''))}"
    if "FinishedAt" in state:
        return f"Exited ({state['ExitCode']}) {_since(state['FinishedAt'])} ago"
    return "Created"


def _since(moment: str) -> str:
    seconds = int((datetime.datetime.now(datetime.UTC) - _moment(moment)).total_seconds())
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds" if seconds != 1 else "1 second"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


def _moment(text: str) -> datetime.datetime:
    """A moment as it is kept; now for one that nobody has written down."""
    now = datetime.datetime.now(datetime.UTC)
    return datetime.datetime.fromisoformat(text[:19] + "+00:00") if text else now


def _host_ports(row: Json) -> list[int]:
    bindings = row["HostConfig"].get("PortBindings") or {}
    return [int(entry["HostPort"]) for entries in bindings.values() for entry in entries]


def _running_ports(row: Json) -> list[int]:
    return _host_ports(row) if row["State"]["Running"] else []

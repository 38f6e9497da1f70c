"""Containers of the embedded Docker engine. One of an image called `registry…` is a registry that really listens."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from tke_tui.lab.docker.archive import SavedImage
from tke_tui.lab.docker.streams import Json, fail
from tke_tui.lab.registry import RegistryServer, digest_of

ANY = r"/{version:(?:v\d+\.\d+/)?}"
"""Begin of each path: clients name the version of the API that they speak, or none."""


class Containers:
    """`rows` by name, as inspect shows them; `find` looks up images, all registries serve what `storage` holds.

    `said` is what the log of every container shows.
    """

    def __init__(self, find: Callable[[str], SavedImage | None], storage: RegistryServer) -> None:
        self.rows: dict[str, Json] = {}
        self.registries: dict[str, RegistryServer] = {}
        self.said = "listening on [::]:5000\n"
        self._find = find
        self._storage = storage

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
        self.rows[name] = {
            "Id": digest_of(name.encode())[7:],
            "Name": f"/{name}",
            "Created": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()),
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
        text = self.said.encode()
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
        row["State"] = {"Running": True, "Status": "running", "ExitCode": 0}
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
        shared = self._storage
        return await RegistryServer(
            port=_host_ports(row)[0],
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
        row["State"] = {"Running": False, "Status": "exited", "ExitCode": 0}

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
        await self._end(*found)
        self.rows.pop(found[0])
        return web.Response(status=204)


def _listed(name: str, row: Json) -> Json:
    running = row["State"]["Running"]
    state = "running" if running else row["State"].get("Status", "exited")
    ports = [{"IP": "0.0.0.0", "PrivatePort": p, "PublicPort": p, "Type": "tcp"} for p in _running_ports(row)]
    return {
        "Id": row["Id"],
        "Names": [f"/{name}"],
        "Image": row["Config"].get("Image", ""),
        "ImageID": row.get("Image", ""),
        "Command": " ".join(row["Config"].get("Cmd") or ()),
        "Created": int(time.time()),
        "Ports": ports,
        "Labels": {},
        "State": state,
        "Status": "Up" if running else state.capitalize(),
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }


def _host_ports(row: Json) -> list[int]:
    bindings = row["HostConfig"].get("PortBindings") or {}
    return [int(entry["HostPort"]) for entries in bindings.values() for entry in entries]


def _running_ports(row: Json) -> list[int]:
    return _host_ports(row) if row["State"]["Running"] else []

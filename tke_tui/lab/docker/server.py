"""A Docker Engine API in the test's own process, on a Unix socket: images, pushes to real registries, containers.

It keeps to what the real engine does where that matters: errors inside streams with status 200, names without
`docker.io/`, a pushed image whose layers and configuration really arrive. A container of an image called `registry…`
that publishes a port is a registry that really listens there, and `port is already allocated` is real as well.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fnmatch
import gzip
import json
import ssl
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from tke_tui.core.adapters.fixed_resolver import FixedResolver
from tke_tui.core.images import MANIFEST_V2, ImageRef
from tke_tui.lab.docker.archive import SavedImage, read_archive
from tke_tui.lab.registry import RegistryServer, digest_of

Json = dict[str, Any]


@dataclass(slots=True)
class StreamFault:
    """The next answer of `operation` (load, push) with `name` in it: an in-band `error`, or "" = ends silently.

    With `hang` it waits for `release` first; `reached` is set when it is met.
    """

    operation: str
    error: str = ""
    name: str = ""
    hang: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class DockerServer:
    """Start with `await DockerServer(path).start()`; `url` is what clients get; end with `stop`."""

    socket: Path
    images: dict[str, SavedImage] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    containers: dict[str, Json] = field(default_factory=dict)
    registries: dict[str, RegistryServer] = field(default_factory=dict)
    storage: RegistryServer = field(default_factory=RegistryServer)
    info: Json = field(default_factory=dict)
    faults: list[StreamFault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    """Names of registries -> address to dial by TLS; their CA has to lie below `certificates`, as in certs.d."""
    hosts_file: Path | None = None
    """The hosts file of this engine's host: further names of registries, reached by TLS."""
    certificates: Path = Path("/nonexistent")
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self) -> Self:
        app = web.Application(middlewares=[self._log], client_max_size=1 << 30)
        app.router.add_get("/version", self._version)
        api = "/v1.41"
        app.router.add_get(f"{api}/version", self._version)
        app.router.add_get(f"{api}/info", self._info)
        app.router.add_get(f"{api}/images/json", self._list_images)
        app.router.add_post(f"{api}/images/load", self._load)
        app.router.add_get(f"{api}/images/{{name:.+}}/json", self._inspect_image)
        app.router.add_post(f"{api}/images/{{name:.+}}/tag", self._tag)
        app.router.add_post(f"{api}/images/{{name:.+}}/push", self._push)
        app.router.add_delete(f"{api}/images/{{name:.+}}", self._untag)
        app.router.add_get(f"{api}/containers/json", self._list_containers)
        app.router.add_post(f"{api}/containers/create", self._create)
        app.router.add_get(f"{api}/containers/{{name}}/json", self._inspect)
        app.router.add_get(f"{api}/containers/{{name}}/logs", self._logs)
        app.router.add_post(f"{api}/containers/{{name}}/start", self._start_container)
        app.router.add_delete(f"{api}/containers/{{name}}", self._remove)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()
        return self

    async def stop(self) -> None:
        for registry in self.registries.values():
            await registry.stop()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def add(self, image: SavedImage, *tags: str) -> None:
        """Put an image into the store under its own tags and further ones."""
        self.images[image.id] = image
        for tag in (*image.tags, *tags):
            self.tags[ImageRef.parse(tag).familiar] = image.id

    def changes(self) -> list[str]:
        """Requests so far that may have changed something."""
        return [line for line in self.requests if not line.startswith("GET ")]

    @web.middleware
    async def _log(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path.removeprefix('/v1.41')}")
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except ConnectionResetError:
            return web.Response(status=500)  # the client is gone: nobody reads this

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"Version": "20.10.24", "ApiVersion": "1.41", "Arch": "amd64"})

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response(self.info)

    async def _list_images(self, request: web.Request) -> web.Response:
        wanted = json.loads(request.query.get("filters", "{}")).get("reference", ["*"])
        found: dict[str, list[str]] = {}
        for tag, image in self.tags.items():
            name = tag.rpartition(":")[0]
            if any(_matches(name, pattern) or _matches(tag, pattern) for pattern in wanted):
                found.setdefault(image, []).append(tag)
        return web.json_response([{"Id": image, "RepoTags": tags} for image, tags in found.items()])

    def _find(self, name: str) -> SavedImage | None:
        with contextlib.suppress(Exception):
            name = self.tags.get(ImageRef.parse(name).familiar, name)
        return self.images.get(name)

    async def _inspect_image(self, request: web.Request) -> web.Response:
        image = self._find(request.match_info["name"])
        if image is None:
            return _fail(404, f"No such image: {request.match_info['name']}")
        tags = [tag for tag, found in self.tags.items() if found == image.id]
        return web.json_response({"Id": image.id, "RepoTags": tags, "RepoDigests": []})

    async def _load(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        response = await _begin(request)
        if await self._fault(response, "load", ""):
            return response
        try:
            images = read_archive(data)
        except (OSError, EOFError, KeyError, tarfile.TarError) as error:
            return await _end(response, {"errorDetail": {"message": str(error)}, "error": str(error)})
        for image in images:
            self.add(image)
            for tag in image.tags:
                await _line(response, {"stream": f"Loaded image: {ImageRef.parse(tag).familiar}\n"})
        return await _end(response)

    async def _tag(self, request: web.Request) -> web.Response:
        image = self._find(request.match_info["name"])
        if image is None:
            return _fail(404, f"No such image: {request.match_info['name']}")
        target = ImageRef.parse(f"{request.query['repo']}:{request.query['tag']}")
        self.tags[target.familiar] = image.id
        return web.Response(status=201)

    async def _untag(self, request: web.Request) -> web.Response:
        name = ImageRef.parse(request.match_info["name"]).familiar
        if self.tags.pop(name, None) is None:
            return _fail(404, f"No such image: {name}")
        return web.json_response([{"Untagged": name}])

    async def _push(self, request: web.Request) -> web.StreamResponse:
        name = ImageRef.parse(f"{request.match_info['name']}:{request.query['tag']}")
        image = self._find(str(name))
        if image is None:
            return _fail(404, f"An image does not exist locally with the tag: {name.path}")
        response = await _begin(request)
        await _line(response, {"status": f"The push refers to repository [{name.domain}/{name.path}]"})
        if await self._fault(response, "push", str(name)):
            return response
        login = request.headers["X-Registry-Auth"]
        try:
            aux = await self._deliver(response, name, image, login)
        except (aiohttp.ClientError, OSError) as error:
            return await _end(response, {"errorDetail": {"message": str(error)}, "error": str(error)})
        return await _end(response, {"progressDetail": {}, "aux": aux})

    async def _deliver(
        self, response: web.StreamResponse, name: ImageRef, image: SavedImage, login: str
    ) -> Json:
        headers = {}
        if login != "placeholder":
            given = json.loads(base64.urlsafe_b64decode(login))
            clear = f"{given['username']}:{given['password']}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(clear).decode()
        base = f"{'https' if self._address(name.domain) else 'http'}://{name.domain}/v2/{name.path}"
        layers = [gzip.compress(layer, mtime=0) for layer in image.layers]
        connector = self._connector(name.domain)
        async with aiohttp.ClientSession(
            headers=headers, raise_for_status=True, connector=connector
        ) as session:
            for blob in (*layers, image.config):
                async with session.head(f"{base}/blobs/{digest_of(blob)}", raise_for_status=False) as there:
                    if there.status == 200:
                        continue
                async with session.post(f"{base}/blobs/uploads/") as upload:
                    location = upload.headers["Location"]
                origin = base.partition("/v2/")[0]
                await session.put(f"{origin}{location}&digest={digest_of(blob)}", data=blob)
                progress = {"current": len(blob), "total": len(blob)}
                await _line(
                    response, {"status": "Pushing", "progressDetail": progress, "id": digest_of(blob)[7:19]}
                )
            manifest = _manifest(image.config, layers)
            await session.put(
                f"{base}/manifests/{name.tag}", data=manifest, headers={"Content-Type": MANIFEST_V2}
            )
        return {"Tag": name.tag, "Digest": digest_of(manifest), "Size": len(manifest)}

    def _connector(self, domain: str) -> aiohttp.TCPConnector | None:
        address = self._address(domain)
        if not address:
            return None
        ca = self.certificates / domain / "ca.crt"
        tls = ssl.create_default_context(cafile=ca if ca.is_file() else None)
        resolver = FixedResolver(domain.partition(":")[0], address)
        return aiohttp.TCPConnector(ssl=tls, resolver=resolver)

    def _address(self, domain: str) -> str:
        """Where a registry that is reached by TLS is; "" for one that is reached without."""
        if domain in self.hosts:
            return self.hosts[domain]
        lines = self.hosts_file.read_text().splitlines() if self.hosts_file is not None else []
        name = domain.partition(":")[0]
        return next((words[0] for line in lines if name in (words := line.partition("#")[0].split())[1:]), "")

    async def _fault(self, response: web.StreamResponse, operation: str, name: str) -> bool:
        fault = next((f for f in self.faults if f.operation == operation and f.name in name), None)
        if fault is None:
            return False
        self.faults.remove(fault)
        fault.reached.set()
        if fault.hang:
            await fault.release.wait()
        await _end(
            response,
            *([{"errorDetail": {"message": fault.error}, "error": fault.error}] if fault.error else []),
        )
        return True

    async def _list_containers(self, request: web.Request) -> web.Response:
        rows = []
        for name, container in self.containers.items():
            if container["State"]["Running"]:
                ports = [
                    {"PrivatePort": 1, "PublicPort": port, "Type": "tcp"} for port in _host_ports(container)
                ]
                rows.append({"Id": container["Id"], "Names": [f"/{name}"], "Ports": ports})
        return web.json_response(rows)

    async def _create(self, request: web.Request) -> web.Response:
        name, config = request.query["name"], await request.json()
        if name in self.containers:
            return _fail(409, f'Conflict. The container name "/{name}" is already in use')
        if self._find(config["Image"]) is None:
            return _fail(404, f"No such image: {config['Image']}")
        host = config.pop("HostConfig", {})
        self.containers[name] = {
            "Id": digest_of(name.encode())[7:],
            "Name": f"/{name}",
            "Config": {"Tty": False, **config},
            "HostConfig": host,
            "State": {"Running": False, "Status": "created", "ExitCode": 0},
        }
        return web.json_response({"Id": self.containers[name]["Id"]}, status=201)

    def _named(self, request: web.Request) -> tuple[str, Json] | None:
        wanted = request.match_info["name"]
        return next((row for row in self.containers.items() if wanted in (row[0], row[1]["Id"])), None)

    async def _inspect(self, request: web.Request) -> web.Response:
        found = self._named(request)
        return web.json_response(found[1]) if found else _fail(404, "No such container")

    async def _logs(self, request: web.Request) -> web.Response:
        text = b"panic: no certificate\n"
        return web.Response(body=b"\x02\x00\x00\x00" + len(text).to_bytes(4, "big") + text)

    async def _start_container(self, request: web.Request) -> web.Response:
        found = self._named(request)
        assert found is not None
        name, container = found
        taken = {
            port for other, c in self.containers.items() if other != name for port in _running_ports(c)
        } & set(_host_ports(container))
        if taken:
            return _fail(500, f"Bind for 0.0.0.0:{min(taken)} failed: port is already allocated")
        if "registry" in container["Config"]["Image"]:
            try:
                self.registries[name] = await self._start_registry(container)
            except OSError as error:
                return _fail(500, f"driver failed programming external connectivity: {error}")
        container["State"] = {"Running": True, "Status": "running", "ExitCode": 0}
        return web.Response(status=204)

    async def _start_registry(self, container: Json) -> RegistryServer:
        binds = {bind.split(":")[1]: Path(bind.split(":")[0]) for bind in container["HostConfig"]["Binds"]}
        environment = dict(entry.split("=", 1) for entry in container["Config"].get("Env", []))
        tls = None
        if "REGISTRY_HTTP_TLS_CERTIFICATE" in environment:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            files = (environment["REGISTRY_HTTP_TLS_CERTIFICATE"], environment["REGISTRY_HTTP_TLS_KEY"])
            crt, key = (binds[str(Path(file).parent)] / Path(file).name for file in files)
            tls.load_cert_chain(crt, key)
        shared = self.storage
        return await RegistryServer(
            port=_host_ports(container)[0],
            tls=tls,
            blobs=shared.blobs,
            repositories=shared.repositories,
            manifests=shared.manifests,
            faults=shared.faults,
            requests=shared.requests,
        ).start()

    async def _remove(self, request: web.Request) -> web.Response:
        found = self._named(request)
        if found is None:
            return _fail(404, "No such container")
        self.containers.pop(found[0])
        if found[0] in self.registries:
            await self.registries.pop(found[0]).stop()
        return web.Response(status=204)


def _manifest(config: bytes, layers: list[bytes]) -> bytes:
    def part(kind: str, blob: bytes) -> Json:
        media_type = f"application/vnd.docker.{kind}"
        return {"mediaType": media_type, "size": len(blob), "digest": digest_of(blob)}

    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_V2,
        "config": part("container.image.v1+json", config),
        "layers": [part("image.rootfs.diff.tar.gzip", layer) for layer in layers],
    }
    return json.dumps(document, indent=3).encode()


def _host_ports(container: Json) -> list[int]:
    bindings = container["HostConfig"].get("PortBindings") or {}
    return [int(entry["HostPort"]) for entries in bindings.values() for entry in entries]


def _running_ports(container: Json) -> list[int]:
    return _host_ports(container) if container["State"]["Running"] else []


def _matches(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)


def _fail(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    return response


async def _line(response: web.StreamResponse, line: Json) -> None:
    await response.write(json.dumps(line).encode() + b"\r\n")


async def _end(response: web.StreamResponse, *lines: Json) -> web.StreamResponse:
    for line in lines:
        await _line(response, line)
    await response.write_eof()
    return response

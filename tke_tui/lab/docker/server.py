"""A Docker Engine API in this process, on a Unix socket: images, transfers with real registries, containers.

It keeps to what the real engine does where that matters: errors inside streams with status 200, names without
`docker.io/`, a pushed image whose layers and configuration really arrive. A container of an image called `registry…`
that publishes a port is a registry that really listens there, and `port is already allocated` is real as well. What
the Docker command line asks for is answered in any API version that it names.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fnmatch
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from tke_tui.core.images import ImageRef
from tke_tui.lab.docker.archive import SavedImage, archive_of, read_archive
from tke_tui.lab.docker.containers import ANY, Containers
from tke_tui.lab.docker.streams import Json, begin, end, error, fail, line
from tke_tui.lab.docker.transfer import Refused, Registry, log_in, pull, push
from tke_tui.lab.registry import RegistryServer

HTTPS = 443
LOGIN = "X-Registry-Auth"
"""The header with the login at a registry."""
_ENGINE, _API, _ARCHITECTURE = "20.10.24", "1.41", "amd64"
_VERSION = re.compile(r"^/v\d+\.\d+/")


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


@dataclass
class DockerServer:
    """Start with `await DockerServer(path).start()`; `url` is what clients get; end with `stop`."""

    socket: Path
    images: dict[str, SavedImage] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    storage: RegistryServer = field(default_factory=RegistryServer)
    info: Json = field(default_factory=dict)
    faults: list[StreamFault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    """Names of registries -> address to dial by TLS; their CA has to lie below `certificates`, as in certs.d."""
    hosts_file: Path | None = None
    """The hosts file of this engine's host: further names of registries, reached by TLS."""
    certificates: Path = Path("/nonexistent")
    listens: Callable[[str, int], tuple[str, int]] = lambda address, port: (address, port)
    """Where the registry of an address and port of the cluster really listens."""
    make_way: Callable[[int], None] = lambda port: None
    """Called with each port of this host that a container is about to listen on."""
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self._containers = Containers(self._find, self.storage, self.make_way)

    def say(self, text: str) -> None:
        """From now on the logs of all containers show this."""
        self._containers.said = text

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def containers(self) -> dict[str, Json]:
        """Containers by name, as inspect shows them."""
        return self._containers.rows

    @property
    def registries(self) -> dict[str, RegistryServer]:
        """Registries that listen, by the name of their container."""
        return self._containers.registries

    async def start(self) -> Self:
        app = web.Application(middlewares=[self._log], client_max_size=1 << 30)
        app.add_routes(
            [
                web.get(f"{ANY}_ping", self._ping),
                web.get(f"{ANY}version", self._version),
                web.get(f"{ANY}info", self._info),
                web.post(f"{ANY}auth", self._log_in),
                web.get(f"{ANY}images/json", self._list_images),
                web.post(f"{ANY}images/load", self._load),
                web.post(f"{ANY}images/create", self._pull),
                web.get(f"{ANY}images/get", self._save),
                web.get(f"{ANY}images/{{name:.+}}/get", self._save),
                web.get(f"{ANY}images/{{name:.+}}/json", self._inspect_image),
                web.get(f"{ANY}images/{{name:.+}}/history", self._history),
                web.post(f"{ANY}images/{{name:.+}}/tag", self._tag),
                web.post(f"{ANY}images/{{name:.+}}/push", self._push),
                web.delete(f"{ANY}images/{{name:.+}}", self._remove_image),
                *self._containers.routes(),
                web.route("*", "/{path:.*}", self._unknown),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()
        return self

    async def stop(self) -> None:
        await self._containers.close()
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
        return [entry for entry in self.requests if not entry.startswith("GET ")]

    @web.middleware
    async def _log(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {_VERSION.sub('/', request.path)}")
        try:
            return await handler(request)  # type: ignore[no-any-return]
        except ConnectionResetError:
            return web.Response(status=500)  # the client is gone: nobody reads this

    async def _unknown(self, request: web.Request) -> web.Response:
        return fail(404, f"the embedded lab does not know {request.method} {request.path}")

    # --- the engine itself -----------------------------------------------------------------------------------------

    async def _ping(self, request: web.Request) -> web.Response:
        headers = {"API-Version": _API, "OSType": "linux", "Docker-Experimental": "false"}
        return web.Response(text="OK", headers=headers)

    async def _version(self, request: web.Request) -> web.Response:
        document = {
            "Version": _ENGINE,
            "ApiVersion": _API,
            "MinAPIVersion": "1.12",
            "Os": "linux",
            "Arch": _ARCHITECTURE,
            "Platform": {"Name": "embedded lab"},
        }
        return web.json_response(document)

    async def _info(self, request: web.Request) -> web.Response:
        running = sum(1 for row in self.containers.values() if row["State"]["Running"])
        document = {
            "ServerVersion": _ENGINE,
            "Name": "embedded-lab",
            "OSType": "linux",
            "Architecture": "x86_64",
            "Images": len(self.images),
            "Containers": len(self.containers),
            "ContainersRunning": running,
            "Driver": "lab",
        }
        return web.json_response({**document, **self.info})

    # --- images ----------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> SavedImage | None:
        with contextlib.suppress(Exception):
            name = self.tags.get(ImageRef.parse(name).familiar, name)
        if name in self.images:
            return self.images[name]
        short = name.removeprefix("sha256:")
        if re.fullmatch(r"[0-9a-f]{6,64}", short):
            return next((i for identity, i in self.images.items() if identity[7:].startswith(short)), None)
        return None

    def _tags_of(self, image: SavedImage) -> list[str]:
        return [tag for tag, found in self.tags.items() if found == image.id]

    async def _list_images(self, request: web.Request) -> web.Response:
        wanted = _references(request.query.get("filters", "{}"))
        found: dict[str, list[str]] = {}
        for tag, image in self.tags.items():
            name = tag.rpartition(":")[0]
            if not wanted or any(_matches(name, pattern) or _matches(tag, pattern) for pattern in wanted):
                found.setdefault(image, []).append(tag)
        return web.json_response([_listed(self.images[image], tags) for image, tags in found.items()])

    async def _inspect_image(self, request: web.Request) -> web.Response:
        image = self._find(request.match_info["name"])
        if image is None:
            return fail(404, f"No such image: {request.match_info['name']}")
        config = json.loads(image.config)
        document = {
            **_listed(image, self._tags_of(image)),
            "Architecture": config["architecture"],
            "Os": config["os"],
            "Config": config["config"],
            "Created": config["created"],
            "RootFS": {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]},
        }
        return web.json_response(document)

    async def _history(self, request: web.Request) -> web.Response:
        image = self._find(request.match_info["name"])
        if image is None:
            return fail(404, f"No such image: {request.match_info['name']}")
        return web.json_response(
            [
                {
                    "Id": image.id,
                    "Created": 1577836800,
                    "CreatedBy": entry["created_by"],
                    "Size": 0,
                    "Tags": [],
                }
                for entry in json.loads(image.config)["history"]
            ]
        )

    async def _load(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        response = await begin(request)
        if await self._fault(response, "load", ""):
            return response
        try:
            images = read_archive(data)
        except (OSError, EOFError, KeyError, tarfile.TarError) as problem:
            return await end(response, error(str(problem)))
        for image in images:
            self.add(image)
            for tag in image.tags:
                await line(response, {"stream": f"Loaded image: {ImageRef.parse(tag).familiar}\n"})
        return await end(response)

    async def _tag(self, request: web.Request) -> web.Response:
        image = self._find(request.match_info["name"])
        if image is None:
            return fail(404, f"No such image: {request.match_info['name']}")
        target = ImageRef.parse(f"{request.query['repo']}:{request.query.get('tag') or 'latest'}")
        self.tags[target.familiar] = image.id
        return web.Response(status=201)

    async def _save(self, request: web.Request) -> web.Response:
        names = request.query.getall("names", []) or [request.match_info["name"]]
        saved = []
        for name in names:
            image = self._find(name)
            if image is None:
                return fail(404, f"No such image: {name}")
            tag = ImageRef.parse(name).familiar if name in self._names_of(image) else ""
            saved.append(replace(image, tags=(tag,) if tag else ()))
        return web.Response(body=archive_of(saved), content_type="application/x-tar")

    def _names_of(self, image: SavedImage) -> set[str]:
        return {name for tag in self._tags_of(image) for name in (tag, str(ImageRef.parse(tag)))}

    async def _remove_image(self, request: web.Request) -> web.Response:
        """Take a tag away, and the image with its last one; by its identity, all that it has."""
        name, force = request.match_info["name"], request.query.get("force", "") in ("1", "true", "True")
        image = self._find(name)
        if image is None:
            return fail(404, f"No such image: {name}")
        tags, short = self._tags_of(image), image.id[7:19]
        by_tag = name in self._names_of(image)
        gone = [ImageRef.parse(name).familiar] if by_tag else tags
        if not by_tag and len(tags) > 1 and not force:
            why = "(must be forced) - image is referenced in multiple repositories"
            return fail(409, f"conflict: unable to delete {short} {why}")
        users = [row for row in self.containers.values() if row["Image"] == image.id]
        if users and not set(tags) - set(gone) and not force:
            why = f"(must force) - container {users[0]['Id'][:12]} is using its referenced image {short}"
            return fail(409, f'conflict: unable to remove repository reference "{name}" {why}')
        for tag in gone:
            del self.tags[tag]
        rows = [{"Untagged": tag} for tag in gone]
        if not self._tags_of(image) and not users:
            del self.images[image.id]
            rows.append({"Deleted": image.id})
        return web.json_response(rows)

    # --- transfers -------------------------------------------------------------------------------------------------

    async def _push(self, request: web.Request) -> web.StreamResponse:
        given, tag = request.match_info["name"], request.query.get("tag")
        wanted = ImageRef.parse(f"{given}:{tag}" if tag else given)
        tags = [ImageRef.parse(known) for known in self.tags]
        names = [
            n for n in tags if (n.domain, n.path) == (wanted.domain, wanted.path) and tag in (None, n.tag)
        ]
        if not names:
            return fail(404, f"An image does not exist locally with the tag: {wanted.path}")
        response = await begin(request)
        await line(response, {"status": f"The push refers to repository [{wanted.domain}/{wanted.path}]"})
        registry = self._registry(wanted.domain, request.headers.get(LOGIN, ""))
        for name in names:
            if await self._fault(response, "push", str(name)):
                return response
            image = self.images[self.tags[name.familiar]]
            try:
                aux = await push(registry, name, image, lambda row: line(response, row))
            except (aiohttp.ClientError, OSError) as problem:
                return await end(response, error(str(problem)))
            await line(response, {"status": f"{name.tag}: digest: {aux['Digest']} size: {aux['Size']}"})
            await line(response, {"progressDetail": {}, "aux": aux})
        return await end(response)

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        name = ImageRef.parse(f"{request.query['fromImage']}:{request.query.get('tag') or 'latest'}")
        response = await begin(request)
        await line(response, {"status": f"Pulling from {name.path}", "id": name.tag})
        try:
            registry = self._registry(name.domain, request.headers.get(LOGIN, ""))
            image, digest = await pull(registry, name, _ARCHITECTURE, lambda row: line(response, row))
        except (aiohttp.ClientError, OSError, Refused) as problem:
            return await end(response, error(str(problem)))
        known = self.tags.get(name.familiar) == image.id
        self.add(image)
        what = "Image is up to date" if known else "Downloaded newer image"
        result = {"status": f"Status: {what} for {name.familiar}"}
        return await end(response, {"status": f"Digest: {digest}"}, result)

    async def _log_in(self, request: web.Request) -> web.Response:
        login = await request.json()
        domain = str(login.get("serveraddress", "")).removeprefix("https://").rstrip("/")
        header = base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
        try:
            good = await log_in(self._registry(domain, header))
        except (aiohttp.ClientError, OSError) as problem:
            return fail(500, str(problem))
        if not good:
            return fail(401, "unauthorized: authentication required")
        return web.json_response({"Status": "Login Succeeded", "IdentityToken": ""})

    def _registry(self, domain: str, login: str) -> Registry:
        """`login` is the header `LOGIN`, "" without one."""
        address = self._address(domain)
        if not address:
            return Registry(domain, "", 0, self.certificates, login)
        there, port = self.listens(address, int(domain.partition(":")[2] or HTTPS))
        return Registry(domain, there, port, self.certificates, login)

    def _address(self, domain: str) -> str:
        """Where a registry that is reached by TLS is; "" for one that is reached without."""
        if domain in self.hosts:
            return self.hosts[domain]
        lines = self.hosts_file.read_text().splitlines() if self.hosts_file is not None else []
        name = domain.partition(":")[0]
        return next((words[0] for row in lines if name in (words := row.partition("#")[0].split())[1:]), "")

    async def _fault(self, response: web.StreamResponse, operation: str, name: str) -> bool:
        fault = next((f for f in self.faults if f.operation == operation and f.name in name), None)
        if fault is None:
            return False
        self.faults.remove(fault)
        fault.reached.set()
        if fault.hang:
            await fault.release.wait()
        await end(response, *([error(fault.error)] if fault.error else []))
        return True


def _references(filters: str) -> list[str]:
    """The references asked for: a list, or the set that newer clients send."""
    return list(json.loads(filters or "{}").get("reference", ()))


def _listed(image: SavedImage, tags: list[str]) -> Json:
    size = sum(len(layer) for layer in image.layers)
    return {
        "Id": image.id,
        "ParentId": "",
        "RepoTags": tags,
        "RepoDigests": [],
        "Created": 1577836800,
        "Size": size,
        "VirtualSize": size,
        "SharedSize": -1,
        "Labels": {},
        "Containers": -1,
    }


def _matches(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)

"""Docker Engine of the installer host, over its API socket: images in, tagged, out; containers; nothing by CLI.

An error inside a 200 stream is raised, and so is a stream that ends without its result (the library ends such a
stream like a good one). Every error is a `TkeError` that names the image or container.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tke_tui.core.adapters.docker_errors import DockerUnavailable, ended_silently, failed, unavailable
from tke_tui.core.errors import BundleError, Fatal, TkeError

if TYPE_CHECKING:
    import aiodocker

OnBytes = Callable[[int, int], None]
"""on_bytes(done, total); total is 0 while unknown."""

_BLOCK = 1 << 20
_CONNECT_TIMEOUT = 10.0
_ANSWER_TIMEOUT = 120.0
_IDLE_TIMEOUT = 900.0


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Login that Docker passes on to a registry, in a request header only. `server` is host[:port]."""

    server: str
    username: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Layers:
    """Bytes over all layers of one push, from the daemon's progress lines."""

    done: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, chunk: Mapping[str, Any]) -> bool:
        layer, detail = str(chunk.get("id", "")), chunk.get("progressDetail") or {}
        current, total = detail.get("current"), detail.get("total")
        if not layer or not isinstance(current, int):
            return False
        self.total[layer] = max(int(total or 0), current, self.total.get(layer, 0))
        self.done[layer] = current
        return True


class _Archive:
    """A file on its way to the daemon, read in threads; its checksum is computed on the way."""

    def __init__(self, file: BinaryIO, size: int, progress: OnBytes | None) -> None:
        self._file = file
        self._size = size
        self._progress = progress or (lambda done, total: None)
        self._digest = hashlib.sha256()
        self._lock = threading.Lock()

    def _block(self) -> bytes:
        with self._lock:
            data = self._file.read(_BLOCK)
            self._digest.update(data)
            return data

    async def feed(self) -> AsyncIterator[bytes]:
        done = 0
        self._progress(0, self._size)
        while data := await asyncio.to_thread(self._block):
            yield data
            done += len(data)
            self._progress(done, self._size)

    async def sha256(self) -> str:
        """Checksum of the whole file, also of a tail the daemon had no need to read."""
        while await asyncio.to_thread(self._block):
            pass
        return self._digest.hexdigest()


class DockerClient:
    """One connection pool to one daemon, opened on first use. Close it with `close`.

    `url` is `unix:///path` or `tcp://host:port`. Raises `DockerUnavailable` when no daemon answers or the socket
    may not be used, `Retryable` or `Fatal` when it reports an error.
    """

    def __init__(self, url: str = "unix:///var/run/docker.sock") -> None:
        self.url = url
        self._docker: aiodocker.Docker | None = None

    async def close(self) -> None:
        if self._docker is not None:
            docker, self._docker = self._docker, None
            await docker.close()

    @asynccontextmanager
    async def _engine(self, what: str, *, missing: str = "") -> AsyncIterator[aiodocker.Docker]:
        import aiodocker
        import aiohttp
        from aiodocker.exceptions import DockerError

        if self._docker is None:
            timeout = aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT, sock_read=_ANSWER_TIMEOUT)
            self._docker = aiodocker.Docker(self.url, timeout=timeout)
        try:
            yield self._docker
        except DockerError as error:
            if error.status == 900:
                raise unavailable(self.url, error.__context__, error.message) from None
            if error.status == 404 and missing:
                raise _Missing(missing) from None
            raise failed(what, error.message, status=error.status) from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise failed(
                what, f"the connection to the daemon broke: {error or type(error).__name__}"
            ) from None

    async def version(self) -> dict[str, Any]:
        """Answer of `/version`."""
        async with self._engine("tell its version") as docker:
            return dict(await docker.version())

    async def info(self) -> dict[str, Any]:
        """Answer of `/info`: storage driver, proxies, insecure registries."""
        async with self._engine("tell about itself") as docker:
            return dict(await docker.system.info())

    async def load(self, path: Path, progress: OnBytes | None = None, *, sha256: str = "") -> list[str]:
        """`docker load` of an archive (tar, also compressed); returns the references it loaded.

        `progress` counts the bytes fed of the file's size. With `sha256` the file is checked while it is read.
        Raises `BundleError` when the file is missing or differs from the checksum.
        """
        try:
            file = path.open("rb")
        except OSError as error:
            raise BundleError(
                f"The image archive {path} cannot be read",
                detail=error.strerror or str(error),
                fix="Take a complete bundle; check it with tke-tui bundle verify.",
            ) from None
        with file:
            archive = _Archive(file, path.stat().st_size, progress)
            try:
                loaded = await self._load(path.name, archive)
            except DockerUnavailable:
                raise
            except TkeError:
                if sha256 and await archive.sha256() != sha256:
                    raise _damaged(path) from None
                raise
            if sha256 and await archive.sha256() != sha256:
                raise _damaged(path)
        if not loaded:
            raise ended_silently(f"load {path.name}")
        return loaded

    async def _load(self, name: str, archive: _Archive) -> list[str]:
        loaded: list[str] = []
        async with self._engine(f"load {name}") as docker:
            stream = docker.images.import_image(archive.feed(), stream=True)
            async with aclosing(_stream(stream)) as chunks:
                async for chunk in chunks:
                    loaded.extend(_loaded_names(str(chunk.get("stream", ""))))
        return loaded

    async def images(self, reference: str = "") -> list[str]:
        """Sorted `repo:tag` of the images that match a reference filter such as `registry.tke.com/library/*`."""
        return sorted(await self.image_ids(reference))

    async def image_ids(self, reference: str = "") -> dict[str, str]:
        """`repo:tag` -> ID of the images that match a reference filter such as `registry.tke.com/library/*`."""
        filters = {"reference": [reference]} if reference else None
        async with self._engine("list images") as docker:
            found = await docker.images.list(filters=filters)
        tags = {tag: str(image["Id"]) for image in found for tag in image.get("RepoTags") or []}
        return {tag: one for tag, one in tags.items() if not tag.endswith(":<none>")}

    async def image(self, name: str) -> dict[str, Any] | None:
        """Details of an image (`Id`, `RepoDigests`, …); None when there is none of that name."""
        try:
            async with self._engine(f"inspect {name}", missing=name) as docker:
                return dict(await docker.images.inspect(name))
        except _Missing:
            return None

    async def tag(self, source: str, target: str) -> None:
        """Give the image `source` the further name `target` (repo:tag)."""
        repository, tag = split_tag(target)
        async with self._engine(f"tag {source} as {target}") as docker:
            await docker.images.tag(source, repository, tag=tag)

    async def push(
        self, name: str, auth: RegistryLogin | None = None, progress: OnBytes | None = None
    ) -> str:
        """Push `repo:tag`; returns the digest the daemon reports at the end. `progress` is per image, in bytes."""
        repository, tag = split_tag(name)
        layers, digest = _Layers(), ""
        async with self._engine(f"push {name}") as docker:
            stream = docker.images.push(
                repository, tag=tag, auth=_credentials(auth), stream=True, timeout=_patient()
            )
            async with aclosing(_stream(stream)) as chunks:
                async for chunk in chunks:
                    digest = str((chunk.get("aux") or {}).get("Digest") or digest)
                    if layers.add(chunk) and progress is not None:
                        progress(sum(layers.done.values()), sum(layers.total.values()))
        if not digest:
            raise ended_silently(f"push {name}")
        return digest

    async def pull(
        self, name: str, auth: RegistryLogin | None = None, progress: OnBytes | None = None
    ) -> None:
        """Pull `repo:tag`. That it is there is confirmed by looking, not by the end of the stream."""
        repository, tag = split_tag(name)
        layers = _Layers()
        async with self._engine(f"pull {name}") as docker:
            stream = docker.images.pull(
                repository, tag=tag, auth=_credentials(auth), stream=True, timeout=_patient()
            )
            async with aclosing(_stream(stream)) as chunks:
                async for chunk in chunks:
                    if layers.add(chunk) and progress is not None:
                        progress(sum(layers.done.values()), sum(layers.total.values()))
        if await self.image(name) is None:
            raise ended_silently(f"pull {name}")

    async def remove_image(self, name: str, *, force: bool = False) -> bool:
        """Take away a name (the image goes with its last one); False when there was none."""
        try:
            async with self._engine(f"remove image {name}", missing=name) as docker:
                await docker.images.delete(name, force=force)
        except _Missing:
            return False
        return True

    async def container(self, name: str) -> dict[str, Any] | None:
        """Details of a container (`State`, `Config`, `HostConfig`, …); None when there is none."""
        try:
            async with self._engine(f"inspect container {name}", missing=name) as docker:
                return await docker.containers.container(name).show()
        except _Missing:
            return None

    async def run_container(self, name: str, config: Mapping[str, Any]) -> str:
        """Create and start a container from an API configuration; returns its id.

        A container that cannot be started is removed again, so that a repeat begins anew.
        """
        async with self._engine(f"create container {name}") as docker:
            container = await docker.containers.create(dict(config), name=name)
        try:
            async with self._engine(f"start container {name}"):
                await container.start()
        except BaseException:
            with contextlib.suppress(TkeError):
                await self.remove_container(container.id)
            raise
        return container.id

    async def remove_container(self, name: str) -> bool:
        """Stop (kill) and remove a container; False when there was none."""
        try:
            async with self._engine(f"remove container {name}", missing=name) as docker:
                await docker.containers.container(name).delete(force=True)
        except _Missing:
            return False
        return True

    async def container_logs(self, name: str, *, tail: int = 20) -> list[str]:
        """The last lines a container wrote, stdout and stderr."""
        async with self._engine(f"read the log of container {name}") as docker:
            container = docker.containers.container(name)
            parts = await container.log(stdout=True, stderr=True, tail=tail)
        return "".join(parts).splitlines()[-tail:]

    async def published_ports(self) -> dict[int, str]:
        """TCP ports of the host that running containers publish, with the container's name."""
        async with self._engine("list containers") as docker:
            containers = await docker.containers.list()
        ports: dict[int, str] = {}
        for container in containers:
            names = [name.lstrip("/") for name in container["Names"]]
            for port in container["Ports"] or []:
                if port.get("PublicPort") and port.get("Type", "tcp") == "tcp":
                    ports[int(port["PublicPort"])] = names[0] if names else container.id[:12]
        return ports


def _damaged(path: Path) -> BundleError:
    return BundleError(
        f"The image archive {path} is damaged",
        detail="its content does not match the checksum in the bundle's manifest",
        fix="Copy the bundle again; check it with tke-tui bundle verify.",
    )


class _Missing(Fatal):
    """What was asked about does not exist."""


def split_tag(name: str) -> tuple[str, str]:
    """`host:5000/a/b:v1` -> (`host:5000/a/b`, `v1`); the tag is `latest` when there is none."""
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{head}{slash}{base}", tag or "latest"


def _credentials(login: RegistryLogin | None) -> dict[str, Any] | None:
    if login is None:
        return None
    return {"username": login.username, "password": login.password, "serveraddress": login.server}


def _patient() -> Any:
    import aiohttp

    return aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT, sock_read=_IDLE_TIMEOUT)


def _loaded_names(line: str) -> Iterator[str]:
    for prefix in ("Loaded image: ", "Loaded image ID: "):
        if line.startswith(prefix):
            yield line.removeprefix(prefix).strip()


async def _stream(chunks: Any) -> AsyncGenerator[dict[str, Any], None]:
    async for chunk in chunks:
        yield chunk

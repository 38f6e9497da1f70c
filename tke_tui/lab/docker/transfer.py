"""Images on their way between the engine and a registry: the registry's own protocol, layer by layer."""

from __future__ import annotations

import base64
import gzip
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tke_tui.core.adapters.fixed_resolver import FixedResolver
from tke_tui.core.images import MANIFEST_V2, ImageRef
from tke_tui.lab.docker.archive import SavedImage
from tke_tui.lab.docker.streams import Json
from tke_tui.lab.registry import digest_of

MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
Tell = Callable[[Json], Awaitable[None]]
"""Called with each line of progress."""


class Refused(Exception):
    """The registry has no such image, or one that the engine cannot use."""


@dataclass(frozen=True)
class Registry:
    """How one registry is reached: by TLS at `address` and `port` with the CA in `certificates`, or in clear when
    the address is "".
    """

    domain: str
    address: str
    port: int
    certificates: Path
    login: str = ""
    """The header X-Registry-Auth of the request, "" without one."""

    @property
    def base(self) -> str:
        return f"{'https' if self.address else 'http'}://{self.domain}/v2/"

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=self._headers(), connector=self._connector())

    def _headers(self) -> dict[str, str]:
        if self.login in ("", "placeholder"):
            return {}
        given = json.loads(base64.urlsafe_b64decode(self.login))
        if not given.get("username"):
            return {}
        clear = f"{given['username']}:{given['password']}".encode()
        return {"Authorization": "Basic " + base64.b64encode(clear).decode()}

    def _connector(self) -> aiohttp.TCPConnector | None:
        if not self.address:
            return None
        ca = self.certificates / self.domain / "ca.crt"
        tls = ssl.create_default_context(cafile=ca if ca.is_file() else None)
        return aiohttp.TCPConnector(
            ssl=tls, resolver=FixedResolver(self.domain.partition(":")[0], self.address, self.port)
        )


async def log_in(registry: Registry) -> bool:
    """Whether the registry takes the login. Raises aiohttp.ClientError or OSError when it cannot be asked."""
    async with registry.session() as session, session.get(registry.base) as answer:
        return answer.status == 200


async def push(registry: Registry, name: ImageRef, image: SavedImage, tell: Tell) -> Json:
    """Deliver an image; the result line. Raises aiohttp.ClientError or OSError."""
    base = f"{registry.base}{name.path}"
    layers = [gzip.compress(layer, mtime=0) for layer in image.layers]
    async with registry.session() as session:
        for blob in (*layers, image.config):
            digest = digest_of(blob)
            async with session.head(f"{base}/blobs/{digest}") as there:
                if there.status == 200:
                    continue
            async with session.post(f"{base}/blobs/uploads/", raise_for_status=True) as upload:
                location = upload.headers["Location"]
            origin = base.partition("/v2/")[0]
            url = f"{origin}{location}&digest={digest}"
            async with session.put(url, data=blob, raise_for_status=True):
                progress = {"current": len(blob), "total": len(blob)}
            await tell({"status": "Pushing", "progressDetail": progress, "id": digest[7:19]})
        manifest = _manifest(image.config, layers)
        url, headers = f"{base}/manifests/{name.tag}", {"Content-Type": MANIFEST_V2}
        async with session.put(url, data=manifest, headers=headers, raise_for_status=True):
            pass
    return {"Tag": name.tag, "Digest": digest_of(manifest), "Size": len(manifest)}


async def pull(registry: Registry, name: ImageRef, architecture: str, tell: Tell) -> tuple[SavedImage, str]:
    """Fetch an image, of a manifest list the one for `architecture`; the digest is that of what the name stands for.

    Raises `Refused`, aiohttp.ClientError, OSError.
    """
    base = f"{registry.base}{name.path}"
    async with registry.session() as session:
        document, digest = await _manifest_of(session, base, name.tag, name.familiar)
        if "manifests" in document:
            fitting = [m for m in document["manifests"] if m["platform"]["architecture"] == architecture]
            if not fitting:
                raise Refused(f"no matching manifest for linux/{architecture} in the manifest list entries")
            document, _ = await _manifest_of(session, base, fitting[0]["digest"], name.familiar)
        config = await _blob(session, base, document["config"]["digest"])
        layers = []
        for part in document["layers"]:
            layers.append(gzip.decompress(await _blob(session, base, part["digest"])))
            await tell({"status": "Pull complete", "progressDetail": {}, "id": part["digest"][7:19]})
    return SavedImage(config, tuple(layers), (str(name),)), digest


async def _manifest_of(
    session: aiohttp.ClientSession, base: str, reference: str, name: str
) -> tuple[Json, str]:
    """A manifest and its digest; `name` is what messages say."""
    headers = {"Accept": f"{MANIFEST_V2}, {MANIFEST_LIST}"}
    async with session.get(f"{base}/manifests/{reference}", headers=headers) as answer:
        if answer.status == 404:
            raise Refused(f"manifest for {name} not found: manifest unknown")
        if answer.status == 401:
            raise Refused("no basic auth credentials")
        answer.raise_for_status()
        body = await answer.read()
        return dict(json.loads(body)), digest_of(body)


async def _blob(session: aiohttp.ClientSession, base: str, digest: str) -> bytes:
    async with session.get(f"{base}/blobs/{digest}", raise_for_status=True) as answer:
        return await answer.read()


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

"""Image registry over the Distribution API v2 (https://distribution.github.io/distribution/spec/api/).

The address that is dialled may differ from the name in image references: the installer's own registry is reached at
127.0.0.1 under whatever name the machines know it by. Requests go directly, never through a proxy.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tke_tui.core.adapters import registry_errors as errors
from tke_tui.core.adapters.registry_auth import Authorizer
from tke_tui.core.images import DOCKER_HUB, INDEX_TYPES, MANIFEST_V2, OCI_MANIFEST, Descriptor

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

Body = Callable[[], AsyncIterator[bytes]]
"""Opens the content anew each time it is called: a request may have to be sent twice."""

DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")
DOCKER_HUB_API = "registry-1.docker.io"

_ACCEPT = ", ".join((MANIFEST_V2, OCI_MANIFEST, *INDEX_TYPES))
_PIECE = 1 << 20
_CONNECT_TIMEOUT = 10.0
_IDLE_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as the registry holds it; `body` are the exact bytes."""

    descriptor: Descriptor
    body: bytes = field(repr=False)


class RegistryClient:
    """One registry. Connections are opened on first use; close it with `close`.

    `url` is `http[s]://host[:port]` to dial, `name` what messages call it (default: `host[:port]`).
    `username`/`password` are for Basic and Bearer challenges. `ca_pem` is a CA besides the system's (default: the one
    Docker trusts for this registry, `/etc/docker/certs.d/<host[:port]>/ca.crt`), `tls_name` the name the certificate
    must carry (default: the host's). `connect_to` is an IP address to dial for this host and every name below it
    without asking the name service, at `connect_port` (default: the port of the URL); requests carry the name all the
    same. Every method raises the errors of `registry_errors`.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "",
        username: str = "",
        password: str = "",
        ca_pem: str = "",
        tls_name: str = "",
        connect_to: str = "",
        connect_port: int = 0,
    ) -> None:
        self.scheme, _, host = url.rstrip("/").partition("://")
        self.host = DOCKER_HUB_API if host == DOCKER_HUB else host
        self.name = name or host
        self.username = username
        self._ca_pem = ca_pem
        self._tls_name = tls_name
        self._connect_to, self._connect_port = connect_to, connect_port
        self._insecure = False
        self._context: ssl.SSLContext | None = None
        self._authorizer = Authorizer(self.name, username, password)
        self._open_session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"RegistryClient({self.scheme}://{self.host}, name={self.name})"

    async def close(self) -> None:
        if self._open_session is not None:
            session, self._open_session = self._open_session, None
            await session.close()

    def allow_insecure(self) -> None:
        """Accept any certificate, and plain HTTP where no TLS is spoken: as Docker treats insecure registries."""
        self._insecure = True

    async def ping(self) -> None:
        """The registry answers `/v2/`, with or without asking for a login; `NotARegistry` when that is none."""
        try:
            answer = await self._send("GET", "/v2/", "answer /v2/", authorize=False)
        except errors.RegistryTlsFailed:
            if not self._insecure or self.scheme != "https":
                raise
            self.scheme = "http"
            answer = await self._send("GET", "/v2/", "answer /v2/", authorize=False)
        self._must_be_registry(answer)

    async def login(self) -> None:
        """Check the login: `RegistryAuthFailed`, `RegistryTlsFailed`, `NotARegistry` or `RegistryUnavailable`.

        A registry that asks for no login accepts any.
        """
        await self.ping()
        answer = await self._send("GET", "/v2/", "check the login")
        self._must_be_registry(answer)

    def _must_be_registry(self, answer: _Answer) -> None:
        content_type = answer.headers.get("Content-Type", "")
        versioned = answer.headers.get("Docker-Distribution-Api-Version", "").startswith("registry/2")
        challenge = answer.headers.get("WWW-Authenticate", "").lower().startswith(("bearer", "basic"))
        if answer.status == 200 and (versioned or "json" in content_type):
            return
        if answer.status == 401 and (versioned or challenge):
            return
        if answer.status in (408, 425, 429) or answer.status >= 500:
            raise errors.rejected(self.name, "answer /v2/", answer.status, answer.body)
        raise errors.not_a_registry(self.name, answer.status, content_type)

    async def head_manifest(self, repo: str, ref: str) -> Descriptor | None:
        """Media type, digest and size of a manifest (`ref` = tag or digest); None when there is none."""
        path, what = f"/v2/{repo}/manifests/{ref}", f"look up {repo}:{ref}"
        answer = await self._send("HEAD", path, what, scope=_pull(repo), headers={"Accept": _ACCEPT})
        if answer.status == 404:
            return None
        self._expect(answer, what, 200)
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not digest:
            manifest = await self.get_manifest(repo, ref)
            return manifest.descriptor if manifest is not None else None
        return Descriptor(_media_type(answer), digest, int(answer.headers.get("Content-Length", 0)))

    async def get_manifest(self, repo: str, ref: str) -> Manifest | None:
        """A manifest with its bytes; None when there is none. The digest is computed from what arrived."""
        path, what = f"/v2/{repo}/manifests/{ref}", f"read {repo}:{ref}"
        answer = await self._send("GET", path, what, scope=_pull(repo), headers={"Accept": _ACCEPT})
        if answer.status == 404:
            return None
        self._expect(answer, what, 200)
        return Manifest(Descriptor(_media_type(answer), _digest(answer.body), len(answer.body)), answer.body)

    async def put_manifest(self, repo: str, ref: str, media_type: str, body: bytes) -> str:
        """Store a manifest under a tag (or its digest); returns its digest. Every refusal is raised."""
        path, what = f"/v2/{repo}/manifests/{ref}", f"store {repo}:{ref}"
        answer = await self._send(
            "PUT", path, what, scope=_push(repo), headers={"Content-Type": media_type}, data=body
        )
        self._expect(answer, what, 201)
        digest = _digest(body)
        stored = answer.headers.get("Docker-Content-Digest", digest)
        if stored != digest:
            raise errors.RegistryRejected(
                f"The registry {self.name} changed {repo}:{ref}",
                detail=f"sent {digest}, stored {stored}",
                fix="A proxy in front of the registry alters manifests; reach the registry without it.",
            )
        return digest

    async def blob_exists(self, repo: str, digest: str) -> bool:
        path, what = f"/v2/{repo}/blobs/{digest}", f"look up a layer of {repo}"
        answer = await self._send("HEAD", path, what, scope=_pull(repo))
        if answer.status == 404:
            return False
        self._expect(answer, what, 200)
        return True

    async def read_blob(self, repo: str, digest: str) -> AsyncIterator[bytes]:
        """The content of a blob in pieces of at most 1 MiB."""
        import aiohttp

        what = f"read a layer of {repo}"
        if not await self.blob_exists(repo, digest):
            raise errors.rejected(self.name, what, 404, b"")
        try:
            async with self._session().get(
                self._url(f"/v2/{repo}/blobs/{digest}", {}),
                headers=self._authorizer.header(_pull(repo)),
                ssl=self._tls(),
                server_hostname=self._tls_name or None,
            ) as response:
                if response.status != 200:
                    raise errors.rejected(self.name, what, response.status, await response.read())
                async for piece in response.content.iter_chunked(_PIECE):
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.connection_failed(self.name, what, error) from None

    async def upload_blob(
        self, repo: str, digest: str, size: int, body: Body, *, mount_from: str = ""
    ) -> bool:
        """Make `repo` hold a blob of `size` bytes; False when it was there, or could be taken from `mount_from`.

        The content is streamed; the registry checks it against `digest`.
        """
        if await self.blob_exists(repo, digest):
            return False
        what, scope = f"upload a layer of {repo}", _push(repo)
        params = {"mount": digest, "from": mount_from} if mount_from else {}
        if mount_from:
            scope = f"{scope} {_pull(mount_from)}"
        start = await self._send("POST", f"/v2/{repo}/blobs/uploads/", what, scope=scope, params=params)
        if start.status == 201:
            return False
        self._expect(start, what, 202)
        done = await self._send(
            "PUT",
            start.headers["Location"],
            what,
            scope=scope,
            params={"digest": digest},
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            data=body,
        )
        self._expect(done, what, 201)
        return True

    def _expect(self, answer: _Answer, what: str, status: int) -> None:
        if answer.status == status:
            return
        if answer.status == 401:
            raise errors.login_refused(self.name, self.username, errors.error_words(answer.body))
        wait = answer.headers.get("Retry-After", "")
        raise errors.rejected(
            self.name,
            what,
            answer.status,
            answer.body,
            retry_after=float(wait) if wait.isdigit() else None,
        )

    async def _send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        scope: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | Body | None = None,
        authorize: bool = True,
    ) -> _Answer:
        import aiohttp

        url = self._url(path, params or {})
        ours = url.origin() == self._url("/", {}).origin()
        try:
            answer = await self._once(method, url, scope if ours else None, headers or {}, data)
            if answer.status == 401 and authorize and ours:
                challenge = answer.headers.get("WWW-Authenticate", "")
                secure = self.scheme == "https"
                await self._authorizer.authorize(
                    self._session(), challenge, scope, self._tls(), secure=secure
                )
                answer = await self._once(method, url, scope, headers or {}, data)
                if answer.status == 401:
                    words = errors.error_words(answer.body)
                    raise errors.login_refused(self.name, self.username, words)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.connection_failed(self.name, what, error) from None
        return answer

    async def _once(
        self, method: str, url: URL, scope: str | None, headers: Mapping[str, str], data: bytes | Body | None
    ) -> _Answer:
        authorization = self._authorizer.header(scope) if scope is not None else {}
        async with self._session().request(
            method,
            url,
            headers={**headers, **authorization},
            data=data() if callable(data) else data,
            allow_redirects=method in ("GET", "HEAD"),
            ssl=self._tls(),
            server_hostname=self._tls_name or None,
        ) as response:
            return _Answer(response.status, response.headers, await response.read())

    def _url(self, path: str, params: Mapping[str, str]) -> URL:
        from yarl import URL

        url = URL(f"{self.scheme}://{self.host}").join(URL(path, encoded=True))
        return url.update_query(dict(params)) if params else url

    def _tls(self) -> ssl.SSLContext | bool:
        if self.scheme != "https":
            return True
        if self._insecure:
            return False
        if self._context is None:
            self._context = ssl.create_default_context()
            trusted = DOCKER_CERTIFICATES / self.host / "ca.crt"
            if not self._ca_pem and trusted.is_file():
                self._ca_pem = trusted.read_text()
            if self._ca_pem:
                self._context.load_verify_locations(cadata=self._ca_pem)
        return self._context

    def _session(self) -> aiohttp.ClientSession:
        if self._open_session is None:
            import aiohttp

            timeout = aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT, sock_read=_IDLE_TIMEOUT)
            connector = None
            if self._connect_to:
                from tke_tui.core.adapters.fixed_resolver import FixedResolver

                resolver = FixedResolver(self.host.partition(":")[0], self._connect_to, self._connect_port)
                connector = aiohttp.TCPConnector(resolver=resolver)
            self._open_session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        return self._open_session


def _pull(repo: str) -> str:
    return f"repository:{repo}:pull"


def _push(repo: str) -> str:
    return f"repository:{repo}:pull,push"


def _media_type(answer: _Answer) -> str:
    return answer.headers.get("Content-Type", MANIFEST_V2).partition(";")[0].strip()


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, [::1] and localhost, with or without a port: Docker takes these as insecure registries."""
    return host.startswith(("127.", "[::1]")) or host.partition(":")[0] == "localhost"


def insecure_in(info: Mapping[str, Any], host: str) -> bool:
    """Whether the Docker daemon (its `/info`) may talk to `host` (name or address, with port) without trusted TLS."""
    registries = info.get("RegistryConfig") or {}
    if is_loopback(host) or ((registries.get("IndexConfigs") or {}).get(host) or {}).get("Secure") is False:
        return True
    try:
        address = ipaddress.ip_address(host.rpartition(":")[0] or host)
    except ValueError:
        return False
    return any(
        address in ipaddress.ip_network(cidr) for cidr in registries.get("InsecureRegistryCIDRs") or []
    )

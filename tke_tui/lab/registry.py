"""A small, honest image registry (Distribution API v2) in the test's own process, with faults on demand.

It refuses manifests that name unknown blobs, checks digests, mounts only what the other repository has, asks for
Basic or Bearer logins when told to, and writes every request down.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Fault:
    """Answer `status` (0 = drop the connection, -1 = wait for `release`) to the next `times` matching requests."""

    method: str
    path: str
    status: int
    times: int = 1
    release: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class RegistryServer:
    """Start with `await RegistryServer(...).start()`, end with `stop`. `port` 0 picks a free one."""

    port: int = 0
    auth: Literal["", "basic", "bearer"] = ""
    username: str = "pusher"
    password: str = "pass phrase:1"
    tls: ssl.SSLContext | None = None
    versioned: bool = True
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    repositories: dict[str, set[str]] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    address: str = "127.0.0.1"
    _runner: web.AppRunner | None = None

    async def start(self) -> Self:
        app = web.Application(middlewares=[self._middleware], client_max_size=1 << 30)
        app.router.add_get("/v2/", self._root)
        app.router.add_get("/token", self._token)
        app.router.add_get("/v2/_catalog", self._catalog)
        app.router.add_get("/v2/{repo:.+}/tags/list", self._tags)
        app.router.add_route("*", "/v2/{repo:.+}/manifests/{ref}", self._manifest)
        app.router.add_post("/v2/{repo:.+}/blobs/uploads/", self._start_upload)
        app.router.add_patch("/v2/{repo:.+}/blobs/uploads/{id}", self._continue_upload)
        app.router.add_put("/v2/{repo:.+}/blobs/uploads/{id}", self._finish_upload)
        app.router.add_route("*", "/v2/{repo:.+}/blobs/{digest}", self._blob)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, self.port, ssl_context=self.tls, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def made(self, method: str) -> list[str]:
        """Paths of the requests of one method."""
        return [line.partition(" ")[2] for line in self.requests if line.startswith(f"{method} ")]

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        for fault in self.faults:
            if fault.times > 0 and fault.method in ("*", request.method) and fault.path in request.path:
                fault.times -= 1
                fault.reached.set()
                if fault.status == -1:
                    await fault.release.wait()
                elif fault.status == 0:
                    assert request.transport is not None
                    request.transport.abort()
                    return web.Response(status=500)
                else:
                    return _error(fault.status, "UNKNOWN", "made to fail")
        if request.path != "/token" and self.auth and not self._allowed(request):
            kind = "Basic" if self.auth == "basic" else "Bearer"
            realm = f'{kind} realm="{self.url}/token",service="tests"'
            response = _error(401, "UNAUTHORIZED", "authentication required")
            response.headers["WWW-Authenticate"] = realm
            return response
        return await handler(request)

    def _allowed(self, request: web.Request) -> bool:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if self.auth == "basic":
            return kind == "Basic" and base64.b64decode(value).decode() == f"{self.username}:{self.password}"
        scopes = self.tokens.get(value)
        if kind != "Bearer" or scopes is None:
            return False
        repo = request.match_info.get("repo", "")
        wanted = "pull" if request.method in ("GET", "HEAD") else "push"
        return not repo or any(
            scope.startswith(f"repository:{repo}:") and wanted in scope.rpartition(":")[2] for scope in scopes
        )

    async def _root(self, request: web.Request) -> web.Response:
        if not self.versioned:
            return web.Response(text="<html>welcome</html>", content_type="text/html")
        headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
        return web.json_response({}, headers=headers)

    async def _catalog(self, request: web.Request) -> web.Response:
        return web.json_response({"repositories": sorted({repo for repo, _ in self.manifests})})

    async def _tags(self, request: web.Request) -> web.Response:
        repo = request.match_info["repo"]
        tags = sorted(ref for known, ref in self.manifests if known == repo and ":" not in ref)
        if not tags:
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        return web.json_response({"name": repo, "tags": tags})

    async def _token(self, request: web.Request) -> web.Response:
        expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return web.json_response({"details": "incorrect username or password"}, status=401)
        token = secrets.token_hex(8)
        self.tokens[token] = set(request.query.getall("scope", []))
        return web.json_response({"token": token, "expires_in": 300})

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        repo, ref = request.match_info["repo"], request.match_info["ref"]
        if request.method == "PUT":
            return await self._put_manifest(repo, ref, request)
        if request.method not in ("GET", "HEAD"):
            return _error(405, "UNSUPPORTED", "The operation is unsupported.")
        found = self.manifests.get((repo, ref))
        if found is None:
            return _error(404, "MANIFEST_UNKNOWN", f"manifest unknown: {ref}")
        media_type, body = found
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(body)}
        return web.Response(body=body, headers=headers)

    async def _put_manifest(self, repo: str, ref: str, request: web.Request) -> web.Response:
        body = await request.read()
        document = json.loads(body)
        for part in document.get("manifests", []):
            if (repo, part["digest"]) not in self.manifests:
                return _error(400, "MANIFEST_BLOB_UNKNOWN", f"unknown manifest {part['digest']}")
        for part in [document["config"], *document["layers"]] if "config" in document else []:
            if part["digest"] not in self.repositories.get(repo, set()):
                return _error(400, "MANIFEST_BLOB_UNKNOWN", f"unknown blob {part['digest']}")
        digest = digest_of(body)
        for name in {ref, digest}:
            self.manifests[repo, name] = (request.headers["Content-Type"], body)
        return web.Response(status=201, headers={"Docker-Content-Digest": digest})

    async def _start_upload(self, request: web.Request) -> web.Response:
        repo, mount = request.match_info["repo"], request.query.get("mount", "")
        if mount and mount in self.repositories.get(request.query.get("from", ""), set()):
            self.repositories.setdefault(repo, set()).add(mount)
            return web.Response(status=201, headers={"Docker-Content-Digest": mount})
        upload = secrets.token_hex(4)
        self.uploads[upload] = b""
        return _uploading(repo, upload, 0)

    async def _continue_upload(self, request: web.Request) -> web.Response:
        repo, upload = request.match_info["repo"], request.match_info["id"]
        if upload not in self.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        self.uploads[upload] += await request.read()
        return _uploading(repo, upload, len(self.uploads[upload]))

    async def _finish_upload(self, request: web.Request) -> web.Response:
        body = self.uploads.pop(request.match_info["id"], b"") + await request.read()
        digest = request.query["digest"]
        if request.query.get("_state") != "a+b":
            return _error(400, "BLOB_UPLOAD_INVALID", "the state of the upload was lost")
        if digest_of(body) != digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[digest] = body
        self.repositories.setdefault(request.match_info["repo"], set()).add(digest)
        return web.Response(status=201, headers={"Docker-Content-Digest": digest})

    async def _blob(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _error(405, "UNSUPPORTED", "The operation is unsupported.")
        digest = request.match_info["digest"]
        if digest not in self.repositories.get(request.match_info["repo"], set()):
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return web.Response(body=self.blobs[digest], content_type="application/octet-stream")


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _uploading(repo: str, upload: str, received: int) -> web.Response:
    location = f"/v2/{repo}/blobs/uploads/{upload}?_state=a%2Bb"
    headers = {"Location": location, "Docker-Upload-UUID": upload, "Range": f"0-{max(received - 1, 0)}"}
    return web.Response(status=202, headers=headers)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)

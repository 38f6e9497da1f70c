"""An in-process Kubernetes API over HTTPS: discovery, objects, server-side apply, watches, and trouble on demand.

    async with KubeServer() as server:
        client = KubeClient(server.url, server.ca_pem, token=server.token)

It stores any object of the kinds in `KINDS`, checking no more than what it is called (`admission`). With `auto_ready`
(the default) workloads become ready at once, as if controllers and kubelets did their work; `workload_status` overrides
that per object. The test steers it: `fail`, `expire`, `drop_watches`, `put`, `remove`, `set_status`, `logs`. `requests`
records what was asked.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tke_tui.lab.certificates import make_server
from tke_tui.lab.kube.answers import cut, status
from tke_tui.lab.kube.api import KubeApi, key_of
from tke_tui.lab.kube.kinds import AGGREGATED, KINDS, KindTable, Object, custom
from tke_tui.lab.kube.store import Store
from tke_tui.lab.kube.workloads import api_service_status, definition_status, ready_status

_HEALTH = re.compile(r"/(readyz|healthz|livez)(?:/[\w-]+)*$")


@dataclass
class Trouble:
    """The next `times` requests that fit get this answer; status 0 closes the connection without any."""

    status: int
    times: int
    method: str
    path: str
    headers: dict[str, str]


class KubeServer:
    """See the module. `url`, `ca_pem` and `token` are what a client needs."""

    def __init__(
        self,
        *,
        token: str = "lab-token",
        auto_ready: bool = True,
        store: Store | None = None,
        certificates: tuple[str, str, str] | None = None,
        nodes: Callable[[], int] = lambda: 1,
    ) -> None:
        """`store` may be shared by several servers; `certificates` are CA, certificate and key as PEM.

        `nodes` tells on how many nodes a DaemonSet runs.
        """
        self.token = token
        self.auto_ready = auto_ready
        self.store = store or Store()
        self._nodes = nodes
        self.kinds = {version: dict(kinds) for version, kinds in KINDS.items()}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.pod_logs: dict[tuple[str, str, str], list[str]] = {}
        self.workload_status: dict[tuple[str, str], Object] = {}
        self.healthy = True
        self.deaf = False
        """Watches are opened but never told anything, as by a server whose watch cache stands still."""
        self.api_services_available = True
        self.url = ""
        self.ca_pem, self._certificate, self._key = certificates or make_server()
        self.api = KubeApi(
            self.store,
            served=self.served,
            written=self.control,
            log_of=self._lines_of,
            deaf=lambda: self.deaf,
        )
        self._troubles: list[Trouble] = []
        self._watches: set[asyncio.Task[Any]] = set()
        self._activity = asyncio.Event()
        self._held = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        for name in ("default", "kube-system"):
            await self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0, *, host: str = "127.0.0.1") -> None:
        """Listen; a stopped server may be started again on its old port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._ssl())
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"https://{host}:{self.port}"

    async def stop(self) -> None:
        await self.drop_watches()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    # --- what a test does ------------------------------------------------------------------------------------------

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        method: str = "",
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests so (0 = cut the connection); `path` is a pattern of path and query."""
        self._troubles.append(Trouble(status, times, method, path, headers or {}))

    def hold(self, number: int = 1) -> None:
        """Never answer the `number`-th writing request from now on; it counts as not done."""
        self._held = number

    @property
    def holding(self) -> bool:
        """True once a client waits for the answer that `hold` keeps back."""
        return self._held < 0

    def expire(self) -> None:
        """Forget the history: watches from before get 410."""
        self.store.forget()

    async def drop_watches(self) -> None:
        """Cut all open watch connections."""
        watches = list(self._watches)
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    @property
    def watching(self) -> int:
        """Number of open watches."""
        return len(self._watches)

    async def until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait for something that clients do: `condition` is asked after each request and change of the watches."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._activity.clear()
                await self._activity.wait()

    async def put(self, obj: Object) -> Object:
        """Store an object as somebody else would: no managed fields."""
        stored = self.store.write(key_of(obj), obj)
        self.control(stored)
        return stored

    async def remove(self, api_version: str, kind: str, name: str, namespace: str = "") -> None:
        self.store.remove((api_version, kind, namespace, name))

    async def set_status(self, kind: str, name: str, namespace: str, status: Object) -> None:
        """Write the status of an apps/v1 workload or a v1 object."""
        version = "apps/v1" if kind in KINDS["apps/v1"] else "v1"
        key = (version, kind, namespace, name)
        obj = self.store.get(key)
        assert obj is not None, f"no {kind} {namespace}/{name}"
        self.store.write(key, {**obj, "status": status})

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object by kind, whatever its API version."""
        for version, of_version in self.served().items():
            if kind in of_version and (found := self.store.get((version, kind, namespace, name))):
                return found
        return None

    def asked(self, method: str, path: str = "") -> int:
        """How many requests of this method had a path that contains `path`; dry runs do not count as PATCH."""
        return sum(
            1
            for m, p, q in self.requests
            if m == method and path in p and not (m == "PATCH" and "dryRun" in q)
        )

    # --- HTTP ------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._activity.set()
        self.requests.append((request.method, request.path, dict(request.query)))
        for trouble in self._troubles:
            if trouble.method in ("", request.method) and re.search(trouble.path, request.path_qs):
                trouble.times -= 1
                if trouble.times <= 0:
                    self._troubles.remove(trouble)
                if trouble.status == 0:
                    cut(request)
                return status(trouble.status, "on demand", trouble.headers)
        if self._held > 0 and request.method in ("POST", "PATCH", "DELETE") and "dryRun" not in request.query:
            self._held -= 1
            if self._held == 0:
                self._held = -1
                self._activity.set()
                await asyncio.Event().wait()  # until the client goes away
        if health := _HEALTH.match(request.path):
            good = f"{health[1]} check passed\n" if "verbose" in request.query else "ok"
            return web.Response(
                status=200 if self.healthy else 500, text=good if self.healthy else "etcd failed"
            )
        if not self.authenticated(request):
            return status(401, "Unauthorized")
        if self.api.is_watch(request) and self.api.resource(request.path) is not None:
            return self.api.cannot_list(request) or await self._watch(request)
        return await self.api.answer(request)

    def served(self) -> dict[str, KindTable]:
        """API version -> kinds: the server's own, custom ones, and those of servers that an APIService leads to."""
        services = self.store.list("apiregistration.k8s.io/v1", "APIService", None)
        led = {f"{service['spec']['group']}/{service['spec']['version']}" for service in services}
        aggregated = {version: kinds for version, kinds in AGGREGATED.items() if version in led}
        definitions = self.store.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", None)
        return {**aggregated, **custom(definitions), **self.kinds}

    def authenticated(self, request: web.Request) -> bool:
        """Whether the request comes from somebody the server knows."""
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._watches.add(task)
        self._activity.set()
        try:
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "60"))):
                await self.api.watch(request, response)
        except (TimeoutError, ConnectionResetError):
            pass
        finally:
            self._watches.discard(task)
            self._activity.set()
        return response

    def _lines_of(self, namespace: str, pod: str, container: str, previous: bool) -> list[str] | None:
        return self.pod_logs.get((namespace, pod, f"{container}/previous" if previous else container))

    def control(self, obj: Object) -> None:
        """What controllers, kubelets and the aggregator would do about an object, in no time."""
        status = self._status_of(obj)
        current = self.store.get(key_of(obj))
        if status is not None and current is not None:
            self.store.write(key_of(obj), {**current, "status": status})

    def _status_of(self, obj: Object) -> Object | None:
        if obj["kind"] == "APIService" and self.auto_ready:
            return api_service_status(available=self.api_services_available)
        if obj["kind"] == "CustomResourceDefinition":
            return definition_status(obj)
        if obj["apiVersion"] != "apps/v1" or obj["kind"] in ("ReplicaSet", "ControllerRevision"):
            return None
        key = (obj["kind"], obj["metadata"]["name"])
        return self.workload_status.get(key) or (
            ready_status(obj, self._nodes()) if self.auto_ready else None
        )

    def _ssl(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "server.pem"
            path.write_text(self._certificate + self._key)
            context.load_cert_chain(path)
        return context

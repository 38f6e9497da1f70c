"""The live connections of one run: opened when first needed, shared by all tasks, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from tke_tui.core.adapters.docker import DockerClient
from tke_tui.core.adapters.kube import KubeClient
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.adapters.ssh import Connection, SshPool, SshSettings
from tke_tui.core.logins import login_of
from tke_tui.core.model.fields import reveal

if TYPE_CHECKING:
    from tke_tui.core.context import Options
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.secrets import SecretStore

API_SERVER_PORT = 6443


class Closable(Protocol):
    async def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Lazy(Generic[T]):
    """Makes one object at its first use, even when several tasks ask at once."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._value: T | None = None

    async def get(self) -> T:
        if self._value is None:
            self._value = self._make()
        return self._value

    async def close(self) -> None:
        if self._value is not None:
            await self._value.close()
            self._value = None


class Runtime:
    """SSH pool and API clients for one input. Use as an async context manager."""

    def __init__(
        self, para: CreateClusterPara, secrets: SecretStore, options: Options, ssh: SshSettings
    ) -> None:
        self._para = para
        self._secrets = secrets
        self._options = options
        self.pool = SshPool(ssh, secrets.redact)
        self.docker = Lazy(lambda: DockerClient(options.docker_socket))
        self.registry = Lazy(self._make_registry)
        self.kube = Lazy(self._make_kube)

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        closing: list[Awaitable[None]] = [
            client.close() for client in (self.kube, self.registry, self.docker, self.pool)
        ]
        await asyncio.gather(*closing, return_exceptions=True)

    async def connect(self, machine: Machine) -> Connection:
        return await self.pool.get(login_of(machine))

    def _make_registry(self) -> RegistryClient:
        third_party = self._para.config.registry.third_party
        if third_party is not None:
            return RegistryClient(
                f"https://{third_party.domain}",
                username=third_party.username,
                password=reveal(third_party.password),
            )
        return RegistryClient(f"http://127.0.0.1:{self._options.registry_http_port}")

    def _make_kube(self) -> KubeClient:
        host = str(self._para.first.ip)
        there, port = self._options.forwards.of(host, API_SERVER_PORT)
        return KubeClient(
            f"https://{there}:{port}",
            self._secrets.require("cluster/ca.crt"),
            token=self._secrets.require("cluster/token"),
            tls_server_name=None if there == host else host,
        )

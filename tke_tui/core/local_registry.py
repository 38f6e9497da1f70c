"""The installer's own registry: two containers over one data directory, one with plain HTTP, one with TLS.

Machines pull by HTTP (port 80) as from an insecure registry; HTTPS (port 443) is for everything that insists on TLS.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tke_tui.core import pki
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Evidence, Fatal, NotReady, TkeError
from tke_tui.core.local_ports import listener
from tke_tui.core.paths import write_private
from tke_tui.core.remote.waiting import until

if TYPE_CHECKING:
    from tke_tui.core.adapters.docker import DockerClient

HTTP, HTTPS = "registry-http", "registry-https"
CONTAINERS = (HTTP, HTTPS)
CONFIGURATION_LABEL = "tke-tui.configuration"
DIRECTORY_LABEL = "tke-tui.directory"
CERTIFICATES = "registry-certs"
"""Directory below the installation directory with ca.crt, server.crt and server.key of the registry."""
READY_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One container as it should be: its API configuration and the port of the host it takes."""

    name: str
    port: int
    configuration: dict[str, Any]


def wanted(name: str, image: str, port: int, root: Path, data: Path, certificate: str) -> Wanted:
    """The container `name`; `certificate` (PEM) is part of what decides whether a running one may stay."""
    inner = 5000 if name == HTTP else 443
    configuration: dict[str, Any] = {
        "Image": image,
        "ExposedPorts": {f"{inner}/tcp": {}},
        "HostConfig": {
            "RestartPolicy": {"Name": "always"},
            "PortBindings": {f"{inner}/tcp": [{"HostPort": str(port)}]},
            "Binds": [f"{data}:/var/lib/registry"],
        },
    }
    if name == HTTPS:
        configuration["HostConfig"]["Binds"].append(f"{root / CERTIFICATES}:/certs")
        configuration["Env"] = [
            "REGISTRY_HTTP_ADDR=0.0.0.0:443",
            "REGISTRY_HTTP_TLS_CERTIFICATE=/certs/server.crt",
            "REGISTRY_HTTP_TLS_KEY=/certs/server.key",
        ]
    text = json.dumps([configuration, certificate if name == HTTPS else ""], sort_keys=True)
    configuration["Labels"] = {
        CONFIGURATION_LABEL: hashlib.sha256(text.encode()).hexdigest(),
        DIRECTORY_LABEL: str(root),
    }
    return Wanted(name, port, configuration)


async def ensure_certificate(ctx: Context, domain: str) -> pki.KeyPair | None:
    """The registry's certificate, made anew when there is none that fits; its CA's key is never kept.

    None when that was only planned.
    """
    directory = ctx.directory.root / CERTIFICATES
    profile = pki.registry_profile(domain)
    pair = _read_pair(directory)
    try:
        ca = pki.KeyPair((directory / "ca.crt").read_text(), "")
        problem = pki.why_not(pair, ca, profile)
    except (OSError, ValueError):
        problem = "there is none"
    if not problem:
        return pair
    if not ctx.mutate(f"make a certificate for {domain}: {problem}"):
        return None
    directory.mkdir(mode=0o700, exist_ok=True)
    ca = await asyncio.to_thread(pki.make_ca, "TKE-REGISTRY-CA")
    pair = await asyncio.to_thread(pki.issue, ca, profile)
    ctx.secrets.redact.add(pair.key_pem)
    write_private(directory / "server.key", pair.key_pem)
    write_private(directory / "server.crt", pair.cert_pem)
    write_private(directory / "ca.crt", ca.cert_pem)
    return pair


def is_ours(ctx: Context, container: Mapping[str, Any]) -> bool:
    """Whether a container (as Docker describes it) was made by this installation."""
    labels = (container.get("Config") or {}).get("Labels") or {}
    return bool(labels.get(DIRECTORY_LABEL) == str(ctx.directory.root.resolve()))


def _read_pair(directory: Path) -> pki.KeyPair | None:
    try:
        return pki.KeyPair((directory / "server.crt").read_text(), (directory / "server.key").read_text())
    except OSError:
        return None


async def ensure_container(ctx: Context, docker: DockerClient, container: Wanted) -> None:
    """Keep a container of ours that runs with this very configuration, else make it anew.

    Raises `Fatal` when a container of that name is not ours, or somebody else holds the port.
    """
    present = await docker.container(container.name)
    if present is not None:
        labels = (present.get("Config") or {}).get("Labels") or {}
        _must_be_ours(container, labels)
        same = labels.get(CONFIGURATION_LABEL) == container.configuration["Labels"][CONFIGURATION_LABEL]
        if same and present["State"].get("Running"):
            return
        if ctx.mutate(f"remove the container {container.name}: it is not as it should be"):
            await docker.remove_container(container.name)
    holder = await _holder(docker, container)
    if holder is not None:
        raise Fatal(
            f"Port {container.port} of this host is taken",
            detail=f"{holder} listens on it; the registry for the machines needs it",
            fix=f"Stop {holder} for the installation, then continue with --resume.",
        )
    if ctx.mutate(f"start the container {container.name} on port {container.port}"):
        await docker.run_container(container.name, container.configuration)


def _must_be_ours(container: Wanted, labels: dict[str, str]) -> None:
    owner = labels.get(DIRECTORY_LABEL)
    if owner == container.configuration["Labels"][DIRECTORY_LABEL]:
        return
    detail = f"it belongs to the installation in {owner}" if owner else "this installer did not make it"
    raise Fatal(
        f"There is already a container {container.name} on this host",
        detail=detail,
        fix=f"When nobody needs it any more: docker rm -f {container.name}, then continue with --resume.",
    )


async def _holder(docker: DockerClient, container: Wanted) -> str | None:
    name = (await docker.published_ports()).get(container.port)
    if name == container.name:
        return None
    if name is not None:
        return f"the container {name}"
    return await asyncio.to_thread(listener, container.port)


async def wait_ready(ctx: Context, docker: DockerClient, container: Wanted, domain: str) -> None:
    """Wait until `/v2/` answers; `NotReady` with the container's last lines after a minute."""
    ca = ctx.directory.root / CERTIFICATES / "ca.crt"
    if container.name == HTTP:
        registry = RegistryClient(f"http://127.0.0.1:{container.port}")
    else:
        registry = RegistryClient(
            f"https://127.0.0.1:{container.port}", ca_pem=ca.read_text(), tls_name=domain
        )
    last = ["no answer"]

    async def answers() -> bool:
        try:
            await registry.ping()
        except TkeError as error:
            last[0] = error.detail or error.title
            return False
        return True

    try:
        if await answers():
            return
        if ctx.mode is Mode.CHECK:
            ctx.mutate(f"wait for {container.name}")
        if await until(answers, timeout=READY_TIMEOUT):
            return
    finally:
        await registry.close()
    raise NotReady(
        f"The registry container {container.name} does not answer on port {container.port}",
        detail=last[0],
        fix=f"Look at `docker logs {container.name}`, remove the cause, then continue with --resume.",
        evidence=Evidence(
            f"docker logs {container.name}", output=tuple(await _last_lines(docker, container))
        ),
    )


async def _last_lines(docker: DockerClient, container: Wanted) -> list[str]:
    try:
        return await docker.container_logs(container.name)
    except TkeError as error:
        return [str(error)]

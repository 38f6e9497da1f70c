"""The platform's own registry as this host reaches it: through the gateway on the first machine, by its name.

The gateway tells its sites apart by name, so requests carry it even before any name service or hosts file knows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core.adapters.docker import RegistryLogin
from tke_tui.core.adapters.registry import RegistryClient
from tke_tui.core.image_push import Target
from tke_tui.core.model.fields import reveal

if TYPE_CHECKING:
    from tke_tui.core.context import Context
    from tke_tui.core.model.config import TKERegistry

HTTPS = 443
CA_FILE = "ca.crt"


def configured(ctx: Context) -> TKERegistry:
    """The registry's part of the input. Raises RuntimeError for an input without one: its steps are left out then."""
    registry = ctx.para.config.registry.tke
    if registry is None:
        raise RuntimeError("this input has no registry of the platform")
    return registry


def address(ctx: Context) -> str:
    """Host of image references, with the port when it is not that of HTTPS."""
    domain, port = configured(ctx).domain, ctx.options.gateway_port
    return domain if port == HTTPS else f"{domain}:{port}"


def certificates_directory(ctx: Context) -> Path:
    """Where Docker on this host looks for the CA of this registry."""
    return ctx.options.docker_certs_dir / address(ctx)


def trusted(ctx: Context) -> str:
    """The platform's CA, and what a person laid beside it for a gateway with a certificate of their own (PEM)."""
    own = ctx.directory.pki / CA_FILE
    others = sorted(certificates_directory(ctx).glob("*.crt"))
    found = [path.read_text() for path in (own, *others) if path.is_file()]
    return "\n".join(dict.fromkeys(found))


@asynccontextmanager
async def tke_registry(ctx: Context) -> AsyncIterator[RegistryClient]:
    """A client of the registry with the administrator's login."""
    registry, options = configured(ctx), ctx.options
    there, port = options.forwards.of(str(ctx.para.first.ip), options.gateway_port)
    client = RegistryClient(
        f"https://{address(ctx)}",
        name=registry.domain,
        username=registry.username,
        password=reveal(registry.password),
        ca_pem=trusted(ctx),
        connect_to=there,
        connect_port=port,
    )
    try:
        yield client
    finally:
        await client.close()


def push_target(ctx: Context, client: RegistryClient) -> Target:
    registry, host = configured(ctx), address(ctx)
    login = RegistryLogin(host, registry.username, reveal(registry.password))
    return Target(client, host, registry.namespace, ctx.para.registry_prefix, login)

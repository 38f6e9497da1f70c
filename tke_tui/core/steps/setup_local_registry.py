"""Setup local registry: the registry on the installer host from which the machines pull during the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.handover import POINT_INSTALLER, POINT_MACHINES, STOP_LOCAL_REGISTRY, handed_over
from tke_tui.core.images import local_name
from tke_tui.core.local_hosts import enter_local_hosts, remove_local_hosts
from tke_tui.core.local_registry import (
    CONTAINERS,
    HTTP,
    ensure_certificate,
    ensure_container,
    is_ours,
    wait_ready,
    wanted,
)
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TENANT = "default"
IMAGE = "registry"


class SetupLocalRegistry(Task):
    """Running containers of ours with the same configuration are kept, so a repeat interrupts nobody's pull."""

    name: ClassVar[str] = "Setup local registry"
    title: ClassVar[str] = "Start the registry on this host"
    needs: ClassVar[tuple[Need, ...]] = (Need("Load images"),)

    def left_out(self, para: CreateClusterPara) -> str | None:
        return None if para.tke_registry else "images come from an existing registry"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.registry_prefix, bundle.manifest.images.get(IMAGE, "")]

    async def run(self, ctx: Context) -> None:
        if await handed_over(ctx, STOP_LOCAL_REGISTRY) or await handed_over(ctx, POINT_MACHINES):
            ctx.log("the platform's own registry has taken over")
            return
        docker, domain = await ctx.docker(), ctx.para.registry_domain
        root, options = ctx.directory.root.resolve(), ctx.options
        certificate = await ensure_certificate(ctx, domain)
        data = ctx.directory.registry_data
        if not data.is_dir() and ctx.mutate(f"create {data}"):
            data.mkdir(mode=0o700, parents=True)
        image = self._image(ctx, str((await docker.version())["Arch"]))
        pem = certificate.cert_pem if certificate is not None else ""
        for name in CONTAINERS:
            port = options.registry_http_port if name == HTTP else options.registry_https_port
            container = wanted(name, image, port, root, data.resolve(), pem)
            await ensure_container(ctx, docker, container)
            if ctx.mode is not Mode.PLAN:
                await wait_ready(ctx, docker, container, domain)
        if not await handed_over(ctx, POINT_INSTALLER):
            enter_local_hosts(ctx, _names(ctx.para))

    def _image(self, ctx: Context, arch: str) -> str:
        tag = ctx.bundle.tag(IMAGE, ctx.bundle.versions[0])
        own = f"{IMAGE}-{arch}:{tag}"
        entry = own if own in ctx.bundle.manifest.contents else f"{IMAGE}:{tag}"
        return local_name(ctx.para.registry_prefix, entry)

    async def undo(self, ctx: Context) -> None:
        """Remove our containers and our lines in the hosts file; the data directory stays."""
        docker = await ctx.docker()
        for name in CONTAINERS:
            present = await docker.container(name)
            if present is not None and is_ours(ctx, present) and ctx.mutate(f"remove the container {name}"):
                await docker.remove_container(name)
        remove_local_hosts(ctx, _names(ctx.para))


def _names(para: CreateClusterPara) -> tuple[str, str]:
    return para.registry_domain, f"{TENANT}.{para.registry_domain}"

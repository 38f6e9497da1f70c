"""Docker of the installer host where that host is one of the machines: the same daemon runs the local registry.

`EnsureDocker` replaces and restarts this daemon. The registry's containers are taken away before, since only the
daemon that made them removes its address translation for their ports, and made again afterwards: the new daemon may
keep its data elsewhere, or not know containers that the former one left running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.adapters.docker_errors import DockerUnavailable
from tke_tui.core.handover import STOP_LOCAL_REGISTRY, handed_over
from tke_tui.core.installer_host import is_own_address
from tke_tui.core.local_registry import CONTAINERS, is_ours
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.setup_local_registry import SetupLocalRegistry

if TYPE_CHECKING:
    from tke_tui.core.context import Context


async def serves_registry(ctx: Context) -> bool:
    """Whether the docker of this task's machine is that of the installer, with the local registry still in use."""
    if not ctx.para.tke_registry or not is_own_address(ctx.node.name):
        return False
    started = ctx.services.finished(SetupLocalRegistry.name, "")
    return started and not await handed_over(ctx, STOP_LOCAL_REGISTRY)


async def take_registry_down(ctx: Context) -> None:
    """Remove our containers; a daemon that does not answer has none at work."""
    docker = await ctx.docker()
    try:
        for name in CONTAINERS:
            present = await docker.container(name)
            if present is not None and is_ours(ctx, present) and ctx.mutate(f"remove the container {name}"):
                await docker.remove_container(name)
    except DockerUnavailable as error:
        ctx.log(f"the local registry cannot be stopped: {error.title}")


async def bring_registry_back(ctx: Context) -> None:
    """The images and the registry's containers, where the restarted daemon lacks them; waits until it answers."""
    await LoadImages().run(ctx)
    await SetupLocalRegistry().run(ctx)

"""Push images: from Docker on the installer host into the registry from which the machines pull."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.adapters.docker import RegistryLogin
from tke_tui.core.adapters.registry import insecure_in
from tke_tui.core.context import Context
from tke_tui.core.handover import POINT_MACHINES, STOP_LOCAL_REGISTRY, handed_over
from tke_tui.core.image_push import Target, push_images
from tke_tui.core.model.fields import reveal
from tke_tui.core.steps.load_images import LoadImages, official
from tke_tui.core.steps.prepare_push_images_to_tke_registry import PreparePushImagesToTKERegistry
from tke_tui.core.steps.push_images_to_registry import PushImagesToRegistry
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class PushImages(Task):
    """To the local registry by its loopback address: no name, no proxy and no TLS can stand in between.

    To a third-party registry by its name, after its login was verified. To the platform's own once the machines pull
    from that: what another bundle brings must be there before anything on a cluster that stands needs it.
    """

    name: ClassVar[str] = "Push images"
    title: ClassVar[str] = "Push the images to the registry"
    needs: ClassVar[tuple[Need, ...]] = (Need("Load images"), Need("Setup local registry"))

    def left_out(self, para: CreateClusterPara) -> str | None:
        return official(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        third_party = para.config.registry.third_party
        user = third_party.username if third_party is not None else ""
        return [para.registry_prefix, user, bundle.fingerprint]

    async def run(self, ctx: Context) -> None:
        if ctx.para.tke_registry:
            if await handed_over(ctx, POINT_MACHINES):
                # This host may have lost the registry's name since: some write their hosts file anew at each start.
                await PreparePushImagesToTKERegistry().run(ctx)
                await PushImagesToRegistry().run(ctx)
                return
            if await handed_over(ctx, STOP_LOCAL_REGISTRY):
                ctx.log("the platform's own registry takes over")
                return
        target = await self._target(ctx)
        # What was loaded may be gone: kubelet removes unused images where this host is one of the machines.
        await LoadImages().run(ctx)
        await push_images(ctx, target)

    async def _target(self, ctx: Context) -> Target:
        para, registry = ctx.para, await ctx.registry()
        namespace, prefix = para.registry_namespace, para.registry_prefix
        third_party = para.config.registry.third_party
        if third_party is None:
            address = f"127.0.0.1:{ctx.options.registry_http_port}"
            return Target(registry, address, namespace, prefix)
        login = None
        if third_party.username:
            password = reveal(third_party.password)
            login = RegistryLogin(third_party.domain, third_party.username, password)
        if insecure_in(await (await ctx.docker()).info(), third_party.domain):
            registry.allow_insecure()
        await registry.login()
        return Target(registry, third_party.domain, namespace, prefix, login)

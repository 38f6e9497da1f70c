"""Push images to registry: once more, now to the platform's own, from which the machines pull from here on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.image_push import push_images
from tke_tui.core.steps.load_images import LoadImages
from tke_tui.core.steps.prepare_push_images_to_tke_registry import no_tke_registry
from tke_tui.core.task import Need, Task
from tke_tui.core.tke_registry import push_target, tke_registry

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class PushImagesToRegistry(Task):
    name: ClassVar[str] = "Push images to registry"
    title: ClassVar[str] = "Push the images to the platform's registry"
    needs: ClassVar[tuple[Need, ...]] = (Need("Prepare push images to TKE registry"),)

    def left_out(self, para: CreateClusterPara) -> str | None:
        return no_tke_registry(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.registry_prefix, bundle.fingerprint]

    async def run(self, ctx: Context) -> None:
        async with tke_registry(ctx) as registry:
            try:
                await registry.login()
            except TkeError:
                if ctx.mode is Mode.RUN:
                    raise
                ctx.mutate(f"push {len(ctx.bundle.manifest.contents)} images to {registry.name}")
                return
            # What was loaded may be gone: kubelet removes unused images where this host is one of the machines.
            await LoadImages().run(ctx)
            await push_images(ctx, push_target(ctx, registry))

"""Install tke-gateway: console and entry to all APIs on ports 80 and 443 of every master."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.handover import POINT_MACHINES, handed_over
from tke_tui.core.remote.waiting import at_once
from tke_tui.core.steps.component import CERTIFICATES, InstallComponent
from tke_tui.core.steps.prepare_images import PrepareImages
from tke_tui.core.task import Need

if TYPE_CHECKING:
    from tke_tui.core.context import Context

MACHINES_AT_ONCE = 8


class InstallTKEGateway(InstallComponent):
    """The last component: the installer's own registry, which the others pull from, may have to free its ports.

    Once the machines pull through the gateway of the first of them, the image must be there before its pod is replaced.
    """

    name: ClassVar[str] = "Install tke-gateway"
    title: ClassVar[str] = "Install the console"
    needs: ClassVar[tuple[Need, ...]] = (
        *CERTIFICATES,
        Need("Install tke-auth-controller"),
        Need("Install tke audit"),
        Need("Install tke-platform-controller"),
        Need("Install tke-registry-api"),
        Need("Install tke-business-controller"),
        Need("Install tke-monitor-controller"),
        Need("Install tke-notify-controller"),
        Need("Install tke-logagent-controller"),
        Need("Stop local registry to give up 80/443 for tke-gateway"),
    )
    component: ClassVar[str] = "tke-gateway"

    async def run(self, ctx: Context) -> None:
        if ctx.para.tke_registry and await handed_over(ctx, POINT_MACHINES):
            pull = PrepareImages().run
            contexts = [replace(ctx, machine=machine) for machine in ctx.para.machines]
            await at_once(MACHINES_AT_ONCE, [partial(pull, one) for one in contexts])
        await super().run(ctx)

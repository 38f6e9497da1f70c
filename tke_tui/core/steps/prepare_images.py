"""Prepare images before stop local registry: every machine holds the gateway's image while it can still be pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.image_pull import pull_missing
from tke_tui.core.installer_host import includes_self
from tke_tui.core.kube_objects import image_of
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

GATEWAY = "tke-gateway"


def ports_are_needed_twice(para: CreateClusterPara) -> str | None:
    """Why the installer's registry need not make room for the gateway, if so (a sentence)."""
    if para.config.gateway is None:
        return "Config.gateway is not given"
    if not includes_self(str(machine.ip) for machine in para.machines):
        return "the installer does not run on one of the machines"
    return None


class PrepareImages(Task):
    """On every machine, as each of them runs the gateway; by the machine's own docker, so nothing has to be watched."""

    name: ClassVar[str] = "Prepare images before stop local registry"
    title: ClassVar[str] = "Pull the gateway's image"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("Push images"), Need("EnsureKubernetesImages", On.SAME))

    def left_out(self, para: CreateClusterPara) -> str | None:
        return ports_are_needed_twice(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return image_of(para, bundle, GATEWAY)

    async def run(self, ctx: Context) -> None:
        await pull_missing(ctx, [image_of(ctx.para, ctx.bundle, GATEWAY)])

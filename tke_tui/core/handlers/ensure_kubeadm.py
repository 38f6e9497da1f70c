"""EnsureKubeadm: kubeadm of the chosen version, and the arguments with which kubelet takes up its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.handlers.ensure_kubelet import UNIT, restart_if_running
from tke_tui.core.remote import systemd
from tke_tui.core.remote.packages import install_package
from tke_tui.core.task import Scope, Task
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

DROP_IN = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"


class EnsureKubeadm(Task):
    name: ClassVar[str] = "EnsureKubeadm"
    title: ClassVar[str] = "Install kubeadm"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.cluster.spec.version, bundle.manifest.packages.get("kubeadm")]

    async def run(self, ctx: Context) -> None:
        await install_package(
            ctx,
            "kubeadm",
            version=ctx.para.cluster.spec.version,
            target="/usr/bin",
            provides=("/usr/bin/kubeadm",),
        )
        drop_in = render("node/10-kubeadm.conf.j2")
        await ctx.node.write_file(DROP_IN, drop_in)
        await systemd.reload_if_needed(ctx.node, UNIT)
        await restart_if_running(ctx.node, "kubelet-arguments", systemd.fingerprint(drop_in))

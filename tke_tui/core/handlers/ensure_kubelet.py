"""EnsureKubelet: kubelet and kubectl of the chosen version, and kubelet's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.remote import systemd
from tke_tui.core.remote.packages import install_package
from tke_tui.core.task import Scope, Task
from tke_tui.core.templating import render

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

UNIT = "kubelet.service"
MANIFESTS = "/etc/kubernetes/manifests"
COMPLETION_DIRECTORY = "/etc/bash_completion.d"


class EnsureKubelet(Task):
    """kubelet is enabled but not started: without its configuration it would only crash in a loop, and kubeadm
    starts it as soon as it has written one. A kubelet that already runs is restarted when its files changed.
    """

    name: ClassVar[str] = "EnsureKubelet"
    title: ClassVar[str] = "Install kubelet and kubectl"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [para.cluster.spec.version, bundle.manifest.packages.get("kubernetes-node")]

    async def run(self, ctx: Context) -> None:
        node = ctx.node
        # kubelet looks only every 20 s for static pods when the directory is not there as it starts; else at once.
        await node.make_directory(MANIFESTS)
        package = await install_package(
            ctx,
            "kubernetes-node",
            version=ctx.para.cluster.spec.version,
            target="/usr/bin",
            strip=3,
            provides=("/usr/bin/kubelet", "/usr/bin/kubectl"),
        )
        unit = render("node/kubelet.service.j2")
        await systemd.install_unit(node, UNIT, unit)
        await restart_if_running(node, "kubelet", systemd.fingerprint(package.sha256, unit))
        await self._completion(ctx)

    async def _completion(self, ctx: Context) -> None:
        if not await ctx.node.ok("test", "-d", COMPLETION_DIRECTORY):
            return
        script = await ctx.node.read("kubectl", "completion", "bash", check=False)
        if script.exit_code == 0:
            await ctx.node.write_file(f"{COMPLETION_DIRECTORY}/kubectl", script.stdout)


async def restart_if_running(node: Node, name: str, wanted: str) -> None:
    """Make a running kubelet take up what `wanted` is the fingerprint of; `name` keeps its parts apart."""
    if await systemd.applied(node, name, wanted):
        return
    if await systemd.is_active(node, UNIT):
        await systemd.restart(node, UNIT)
    await systemd.mark_applied(node, name, wanted)

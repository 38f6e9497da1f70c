"""EnsureKubeadmInitPhaseWaitControlPlane: the first API server answers and shows its machine's static pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, NotReady, TkeError
from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.files import CONTROL_PLANE
from tke_tui.core.remote import static_pods, systemd
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TIMEOUT = 300.0


class EnsureKubeadmInitPhaseWaitControlPlane(Task):
    """Asks the first machine's API server itself; the VIP is waited for where it is first needed.

    A kubelet whose API server came up after its static pods tells of them only at its next full look, up to 90 s
    later, and kubeadm finds the first etcd member by its pod: joins would wait that long. A kubelet that starts
    tells at once, and its containers go on running meanwhile.
    """

    name: ClassVar[str] = "EnsureKubeadmInitPhaseWaitControlPlane"
    title: ClassVar[str] = "Wait for the first API server"
    scope: ClassVar[Scope] = Scope.FIRST
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureStoreCredential", On.FIRST),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        node = para.first.ip
        return [parts.part_of(part, para, bundle, node) for part in (parts.control_plane, parts.etcd)]

    async def run(self, ctx: Context) -> None:
        if ctx.mode is not Mode.RUN and not await self._healthy(ctx):
            ctx.mutate("wait until the API server answers")
            return
        kube = await ctx.kube()
        try:
            await kube.wait_healthy(TIMEOUT)
        except NotReady as error:
            said = await static_pods.evidence(ctx.node, "etcd", *CONTROL_PLANE)
            raise NotReady(
                error.title,
                detail=error.detail,
                fix=f"The lines above show what kubelet, etcd and the API server on {ctx.node.name} say. "
                "Correct the cause, then continue with --resume.",
                evidence=Evidence("GET /readyz", None, tuple(said)),
            ) from error
        if not await self._pods_reported(ctx):
            await self._make_kubelet_report(ctx)

    async def _pods_reported(self, ctx: Context) -> bool:
        kube = await ctx.kube()
        return await kube.get("v1", "Pod", f"etcd-{ctx.node.name}", "kube-system") is not None

    async def _make_kubelet_report(self, ctx: Context) -> None:
        kube = await ctx.kube()
        node = ctx.node.name
        await kube.wait_for(
            "v1", "Node", node, None, _there, timeout=TIMEOUT, what="kubelet to register the node"
        )
        if await self._pods_reported(ctx):
            return
        await systemd.restart(ctx.node, "kubelet.service")
        for component in ("etcd", *CONTROL_PLANE):
            pod = f"{component}-{node}"
            await kube.wait_for(
                "v1", "Pod", pod, "kube-system", _there, timeout=TIMEOUT, what="kubelet to report it"
            )

    async def _healthy(self, ctx: Context) -> bool:
        try:
            status, _ = await (await ctx.kube()).get_raw("/readyz")
        except TkeError:
            return False
        return status == 200


def _there(found: dict[str, Any] | None) -> bool | str:
    return True if found is not None else "kubelet has not told the API server of it yet"

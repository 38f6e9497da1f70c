"""EnsureAPIServerCert: every API server's certificate carries all names that the input asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal
from tke_tui.core.kubeadm import cluster_settings
from tke_tui.core.kubeadm.certificates import covers, names_in
from tke_tui.core.kubeadm.run import init_phase
from tke_tui.core.kubeadm.settings import PKI_DIR
from tke_tui.core.remote import static_restart
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

CERTIFICATE, KEY = f"{PKI_DIR}/apiserver.crt", f"{PKI_DIR}/apiserver.key"
COMPONENT = "kube-apiserver"


class EnsureAPIServerCert(Task):
    """The names: all machines, the VIP, localhost, and the person's own (`publicAlternativeNames`).

    A certificate that has them stays, also when it has more. The API server would take up a new one by itself
    within a minute; it is restarted so that what comes next does not meet the old one.
    """

    name: ClassVar[str] = "EnsureAPIServerCert"
    title: ClassVar[str] = "Put all names into the API server's certificate"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureRenewCerts", On.EVERY),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return cluster_settings(para, bundle).cert_sans

    async def run(self, ctx: Context) -> None:
        node, names = ctx.node, cluster_settings(ctx.para, ctx.bundle).cert_sans
        made = not covers(await node.read_text(CERTIFICATE) or "", names)
        if made:
            await node.remove(CERTIFICATE)
            await node.remove(KEY)
            await init_phase(ctx, node, "certs", "apiserver")
            await self._require(ctx, names)
        planned = ctx.mode is Mode.PLAN and made
        if planned or not await static_restart.taken_up(node, COMPONENT, (CERTIFICATE, KEY)):
            await static_restart.restart(ctx, COMPONENT)

    async def _require(self, ctx: Context, names: tuple[str, ...]) -> None:
        text = await ctx.node.read_text(CERTIFICATE) or ""
        if ctx.mode is Mode.RUN and not covers(text, names):
            raise Fatal(
                f"{ctx.node.name}: the new certificate of the API server lacks names",
                detail=f"it is valid for {', '.join(sorted(names_in(text))) or 'nothing'}",
                fix="Report it: kubeadm was given all of them in /etc/kubernetes/kubeadm-config.yaml.",
            )

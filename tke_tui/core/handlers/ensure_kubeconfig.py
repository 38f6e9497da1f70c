"""EnsureKubeconfig: kubectl works for root on every master, through the API server beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kubeadm.credentials import CA_CERT, TOKEN, secret_or_planned
from tke_tui.core.kubeadm.endpoint import KUBECONFIG
from tke_tui.core.kubeconfig import kubeconfig, to_text
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class EnsureKubeconfig(Task):
    name: ClassVar[str] = "EnsureKubeconfig"
    title: ClassVar[str] = "Write root's kubeconfig"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureStoreCredential", On.FIRST),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return para.cluster.metadata.name

    async def run(self, ctx: Context) -> None:
        config = kubeconfig(
            f"https://127.0.0.1:{API_SERVER_PORT}",
            ca_pem=secret_or_planned(ctx, CA_CERT),
            cluster=ctx.para.cluster.metadata.name,
            user="kubernetes-admin",
            token=secret_or_planned(ctx, TOKEN),
        )
        directory, _, _ = KUBECONFIG.rpartition("/")
        await ctx.node.make_directory(directory, mode=0o700)
        await ctx.node.write_file(KUBECONFIG, to_text(config), mode=0o600)

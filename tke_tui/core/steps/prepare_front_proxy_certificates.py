"""Prepare front proxy certificates: the CA by which the components recognise requests that the API server passes on."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Fatal
from tke_tui.core.kubeadm.settings import PKI_DIR
from tke_tui.core.private_files import ensure_private
from tke_tui.core.task import Need, On, Scope, Task

FILE = "front-proxy-ca.crt"


class PrepareFrontProxyCertificates(Task):
    name: ClassVar[str] = "Prepare front proxy certificates"
    title: ClassVar[str] = "Fetch the CA of the front proxy"
    scope: ClassVar[Scope] = Scope.FIRST
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureKubeadmInitPhaseCerts", On.FIRST),)

    async def run(self, ctx: Context) -> None:
        path = f"{PKI_DIR}/{FILE}"
        text = await ctx.node.read_text(path)
        if text is not None:
            ensure_private(ctx, ctx.directory.pki / FILE, text)
            return
        if ctx.mode is Mode.RUN:
            raise Fatal(
                f"{ctx.node.name}: {path} is missing",
                detail="kubeadm makes it with the first control plane",
                fix="Find out what removes files there, then run again with --force: every step is gone through, "
                "and what is in place stays.",
            )
        ctx.mutate(f"write {ctx.directory.pki / FILE}")

"""EnsureStoreCredential: the CAs that kubeadm made, kept with the installation's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Fatal
from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.settings import PKI_DIR
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

FILES = {
    "cluster/ca.crt": "ca.crt",
    "cluster/ca.key": "ca.key",
    "cluster/etcd-ca.crt": "etcd/ca.crt",
    "cluster/etcd-ca.key": "etcd/ca.key",
    "cluster/apiserver-etcd-client.crt": "apiserver-etcd-client.crt",
    "cluster/apiserver-etcd-client.key": "apiserver-etcd-client.key",
}
"""Name of the secret -> file below /etc/kubernetes/pki of the first machine."""


class EnsureStoreCredential(Task):
    name: ClassVar[str] = "EnsureStoreCredential"
    title: ClassVar[str] = "Keep the cluster's CAs"
    scope: ClassVar[Scope] = Scope.FIRST

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return parts.part_of(parts.certs, para, bundle, para.first.ip)

    async def run(self, ctx: Context) -> None:
        found: dict[str, str] = {}
        for name, file in FILES.items():
            text = await ctx.node.read_text(f"{PKI_DIR}/{file}")
            if text is not None:
                found[name] = text
            elif ctx.mode is Mode.RUN:
                raise Fatal(
                    f"{ctx.node.name}: {PKI_DIR}/{file} is missing",
                    detail="kubeadm made it a moment ago; something else removes files there",
                    fix="Find out what removes it, then run again with --force: every step is gone through, "
                    "and what is in place stays.",
                )
        changed = len(found) < len(FILES) or any(ctx.secrets.get(n) != text for n, text in found.items())
        if changed and ctx.mutate("keep the CAs of the cluster and of etcd in the installation's secrets"):
            ctx.secrets.update(found)

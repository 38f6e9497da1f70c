"""Nothing is left of another cluster. An empty directory, a mount point for example, is no leftover."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, NodeProbe, installed_by_us

ETCD_DIRECTORY = "/var/lib/etcd"


DIRECTORIES = {
    "DirAvailable--etc-kubernetes-manifests": "/etc/kubernetes/manifests",
    "DirAvailable--etc-cni": "/etc/cni/net.d",
    "DirAvailable--var-lib-cni-": "/var/lib/cni",
    "DirAvailable--var-lib-etcd": ETCD_DIRECTORY,
}
FILES = {
    "FileAvailable--root-.kube-config": "/root/.kube/config",
    "FileAvailable--etc-kubernetes-kubelet.conf": "/etc/kubernetes/kubelet.conf",
}


class Leftovers(NodeProbe):
    name: ClassVar[str] = "DirAvailable"
    checks: ClassVar[tuple[str, ...]] = (*FILES, *DIRECTORIES)

    async def examine(self, ctx: Context, node: Node) -> list[Finding]:
        etcd = ctx.para.cluster.spec.etcd
        data = etcd.local.data_dir if etcd is not None and etcd.local is not None else ""
        directories = DIRECTORIES | {"DirAvailable--var-lib-etcd": data or ETCD_DIRECTORY}
        ours = installed_by_us(ctx, node)
        found = []
        for check, path in (FILES | directories).items():
            there = await (node.exists(path) if check in FILES else _has_entries(node, path))
            if not there or ours:
                found.append(self.ok(node.name, "made by this installation" if there else "", check=check))
            else:
                fix = f"Save what you need, then remove {path} ({'`kubeadm reset` does it' if 'etc' in path else 'rm'})"
                found.append(self.error(node.name, f"{path} is left of another cluster", fix, check=check))
        return found


async def _has_entries(node: Node, directory: str) -> bool:
    listed = await node.read(
        *("find", "-H", directory, "-mindepth", "1", "-maxdepth", "1", "!", "-name", "lost+found"),
        check=False,
    )
    return bool(listed.stdout.strip())

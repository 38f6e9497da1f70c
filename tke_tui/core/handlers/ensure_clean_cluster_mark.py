"""EnsureCleanClusterMark: the cluster is no longer managed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.handlers.cluster_mark import NAME, NAMESPACE
from tke_tui.core.kube_objects import ensure_absent
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureCleanClusterMark(Task):
    name: ClassVar[str] = "EnsureCleanClusterMark"
    title: ClassVar[str] = "Take the mark of a managed cluster away"
    scope: ClassVar[Scope] = Scope.CLUSTER

    async def run(self, ctx: Context) -> None:
        await ensure_absent(ctx, "v1", "ConfigMap", NAME, NAMESPACE)

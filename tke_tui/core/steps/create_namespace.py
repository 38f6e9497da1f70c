"""Create namespace for install TKE: where all components of the platform live."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Context
from tke_tui.core.kube_objects import Object, apply_all
from tke_tui.core.task import Need, Task


class CreateNamespace(Task):
    name: ClassVar[str] = "Create namespace for install TKE"
    title: ClassVar[str] = "Create the namespace of the platform"
    needs: ClassVar[tuple[Need, ...]] = (Need("Create global cluster"),)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, [namespace()])


def namespace() -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}

"""EnsureCNIPlugins: the standard network plugins that Galaxy and flannel build on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context
from tke_tui.core.remote.packages import install_package
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

DIRECTORY = "/opt/cni/bin"
PLUGINS = tuple(f"{DIRECTORY}/{name}" for name in ("bridge", "host-local", "loopback", "portmap"))


class EnsureCNIPlugins(Task):
    name: ClassVar[str] = "EnsureCNIPlugins"
    title: ClassVar[str] = "Install the CNI plugins"
    scope: ClassVar[Scope] = Scope.ALL

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return bundle.manifest.packages.get("cni-plugins")

    async def run(self, ctx: Context) -> None:
        await install_package(ctx, "cni-plugins", target=DIRECTORY, provides=PLUGINS)

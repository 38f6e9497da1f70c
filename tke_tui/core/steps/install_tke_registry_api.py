"""Install tke-registry-api: images and charts, kept on the first machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.steps.component import API_NEEDS, InstallComponent, make_registry_token_pair
from tke_tui.core.task import Need

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class InstallTKERegistryAPI(InstallComponent):
    """There is one pod of it: its data are on the disk of one machine."""

    name: ClassVar[str] = "Install tke-registry-api"
    title: ClassVar[str] = "Install the platform's registry"
    needs: ClassVar[tuple[Need, ...]] = API_NEEDS
    component: ClassVar[str] = "tke-registry-api"

    async def make_credentials(self, ctx: Context) -> None:
        await super().make_credentials(ctx)
        await make_registry_token_pair(ctx)

"""Prepare push images to TKE registry: this host finds the platform's registry, trusts it and may write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.adapters.registry_errors import RegistryUnavailable
from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Fatal
from tke_tui.core.handlers.ensure_registry_hosts import registry_hosts
from tke_tui.core.handover import POINT_INSTALLER, record
from tke_tui.core.local_hosts import point_local_hosts
from tke_tui.core.paths import write_private
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, Task
from tke_tui.core.tke_registry import CA_FILE, certificates_directory, tke_registry

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

READY_TIMEOUT = 120.0


class PreparePushImagesToTKERegistry(Task):
    """The login is checked by the registry's own API: no password appears in a command or a file."""

    name: ClassVar[str] = POINT_INSTALLER
    title: ClassVar[str] = "Log in to the platform's registry"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Push images"),
        Need("Install tke-registry-api"),
        Need("Install tke-gateway"),
        Need("Generate certificates for TKE components"),
    )

    def left_out(self, para: CreateClusterPara) -> str | None:
        return no_tke_registry(para)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        registry = para.config.registry.tke
        return [*registry_hosts(para), str(para.first.ip), registry.username if registry is not None else ""]

    async def run(self, ctx: Context) -> None:
        point_local_hosts(ctx, registry_hosts(ctx.para), str(ctx.para.first.ip))
        self._trust(ctx)
        if ctx.mode is Mode.PLAN:
            ctx.log(f"would log in to {ctx.para.registry_domain}")
            return
        await self._log_in(ctx)
        record(ctx, self.name)

    def _trust(self, ctx: Context) -> None:
        own = ctx.directory.pki / CA_FILE
        text = own.read_text() if own.is_file() or ctx.mode is Mode.RUN else ""
        path = certificates_directory(ctx) / CA_FILE
        try:
            if path.is_file() and path.read_text() == text:
                return
            if ctx.mutate(f"write {path}"):
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                write_private(path, text, mode=0o644)
        except OSError as error:
            raise Fatal(
                f"{path} on this host cannot be written",
                detail=f"{error.strerror or error}; Docker needs it to trust the platform's registry",
                fix=f"Run the installer as root, or copy {own} there by hand; then continue with --resume.",
            ) from None

    async def _log_in(self, ctx: Context) -> None:
        async with tke_registry(ctx) as registry:

            async def served() -> bool:
                try:
                    await registry.login()
                except RegistryUnavailable:
                    return False
                return True

            # The gateway may serve before it has noticed that the registry behind it does.
            if ctx.mode is not Mode.RUN or not await until(served, timeout=READY_TIMEOUT):
                await registry.login()


def no_tke_registry(para: CreateClusterPara) -> str | None:
    """Why images do not go to a registry of the platform, if so (a sentence).

    The original tries it without a gateway, too, for ever: nothing else leads into the cluster to the registry.
    """
    if not para.tke_registry:
        return "images stay in an existing registry"
    if para.config.gateway is None:
        return "Config.gateway is not given, and only the gateway leads to the platform's registry"
    return None

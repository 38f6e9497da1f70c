"""EnsureAuthzWebhook: the API server may ask the platform, or a webhook elsewhere, what a user is allowed to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.handlers.control_plane_files import authz_webhook
from tke_tui.core.kubeadm.settings import AUTHZ_WEBHOOK, PKI_DIR
from tke_tui.core.task import Need, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

BUILTIN_PORT = 31138
"""Node port of tke-auth-api."""
CERTIFICATE, KEY = f"{PKI_DIR}/admin.crt", f"{PKI_DIR}/admin.key"


class EnsureAuthzWebhook(Task):
    """The API server starts long before the platform's webhook does: Node and RBAC are asked first and suffice."""

    name: ClassVar[str] = "EnsureAuthzWebhook"
    title: ClassVar[str] = "Write the authorization webhook's settings"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("Generate certificates for TKE components"),)

    def left_out(self, para: CreateClusterPara) -> str | None:
        if para.cluster.spec.features.authz_webhook_addr is None:
            return "cluster.spec.features.authzWebhookAddr is not set"
        return None

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return endpoint(para)

    async def run(self, ctx: Context) -> None:
        pki = ctx.directory.pki
        external = external_address(ctx.para)
        ca = None if external else _read(ctx, pki / "ca.crt")
        await ctx.node.write_file(CERTIFICATE, _read(ctx, pki / "admin.crt"))
        await ctx.node.write_file(KEY, _read(ctx, pki / "admin.key"), mode=0o600)
        settings = authz_webhook(endpoint(ctx.para), ca_pem=ca, certificate=CERTIFICATE, key=KEY)
        await ctx.node.write_file(AUTHZ_WEBHOOK, settings, mode=0o600)


def external_address(para: CreateClusterPara) -> str | None:
    """host:port of a webhook outside of the platform, whose CA is not known; None for the platform's own."""
    address = para.cluster.spec.features.authz_webhook_addr
    if address is None or address.external is None:
        return None
    return f"{address.external.ip}:{address.external.port}"


def endpoint(para: CreateClusterPara) -> str:
    """URL that the API server posts its questions to."""
    own = f"{para.vip or para.first.ip}:{BUILTIN_PORT}"
    return f"https://{external_address(para) or own}/auth/authz"


def _read(ctx: Context, path: Path) -> str:
    if ctx.mode is not Mode.RUN and not path.exists():
        return ""
    return path.read_text()

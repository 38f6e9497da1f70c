"""EnsurePrepareForControlplane: token file, scheduler policy and audit settings, before the static pods start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.handlers.control_plane_files import (
    audit_policy,
    audit_webhook,
    known_tokens,
    scheduler_policy,
)
from tke_tui.core.kubeadm.credentials import TOKEN, secret_or_planned
from tke_tui.core.kubeadm.settings import (
    AUDIT_POLICY,
    AUDIT_WEBHOOK,
    KNOWN_TOKENS,
    PKI_DIR,
    SCHEDULER_POLICY,
)
from tke_tui.core.model.network import ClusterNetwork
from tke_tui.core.task import Need, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

OIDC_CA = f"{PKI_DIR}/oidc-ca.crt"


class EnsurePrepareForControlplane(Task):
    name: ClassVar[str] = "EnsurePrepareForControlplane"
    title: ClassVar[str] = "Write the control plane's settings"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureClusterComplete"),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        files = public_files(para, ClusterNetwork.from_spec(para.cluster.spec))
        return sorted(files.items())

    async def run(self, ctx: Context) -> None:
        tokens = known_tokens(secret_or_planned(ctx, TOKEN))
        await ctx.node.write_file(KNOWN_TOKENS, tokens, mode=0o600)
        for path, content in public_files(ctx.para, ctx.network).items():
            await ctx.node.write_file(path, content)


def public_files(para: CreateClusterPara, network: ClusterNetwork) -> dict[str, str]:
    """Path -> content of everything here that is not secret."""
    files = {SCHEDULER_POLICY: scheduler_policy(network)}
    oidc = para.config.auth.oidc
    if oidc is not None and oidc.ca_cert:
        files[OIDC_CA] = oidc.ca_cert.decode("utf-8", "surrogateescape")
    if para.audit_enabled:
        files |= {AUDIT_POLICY: audit_policy(), AUDIT_WEBHOOK: audit_webhook(para)}
    return files

"""Prepare certificates: everything at /app/certs of the components, in a Secret and as files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import pki
from tke_tui.core.context import Context
from tke_tui.core.kube_objects import apply_all
from tke_tui.core.platform_certificates import (
    FROM_PKI,
    contents,
    ensure_etcd_client,
    ensure_logins,
    objects,
    oidc_ca_of,
)
from tke_tui.core.private_files import ensure_private
from tke_tui.core.task import Need, On, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class PrepareCertificates(Task):
    """Makes only what is missing or no longer good: components that run keep working with what they read."""

    name: ClassVar[str] = "Prepare certificates"
    title: ClassVar[str] = "Hand out the certificates of the platform"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Generate certificates for TKE components"),
        Need("EnsureStoreCredential", On.FIRST),
        Need("Prepare front proxy certificates", On.FIRST),
        Need("Create namespace for install TKE"),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        profile = pki.server_profile(para)
        return [profile.dns, profile.ips, hashlib.sha256(oidc_ca_of(para).encode()).hexdigest()]

    async def run(self, ctx: Context) -> None:
        await ensure_etcd_client(ctx)
        ensure_logins(ctx)
        files = contents(ctx)
        for name, text in files.items():
            if name not in FROM_PKI:
                ensure_private(ctx, ctx.directory.pki / name, text)
        await apply_all(ctx, objects(files))

"""Generate certificates for TKE components: a CA of the platform, its servers' certificate, its administrator's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import pki
from tke_tui.core.context import Context
from tke_tui.core.paths import write_private
from tke_tui.core.task import Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class GenerateCertificates(Task):
    """Makes only what is missing or no longer good enough: what was handed out before stays valid.

    Files of the installation's `pki`: ca, server and admin, each `.crt` and `.key` (0600).
    """

    name: ClassVar[str] = "Generate certificates for TKE components"
    title: ClassVar[str] = "Make the certificates of the platform"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        profile = pki.server_profile(para)
        return [profile.dns, profile.ips]

    async def run(self, ctx: Context) -> None:
        directory = ctx.directory.pki
        ca = read_pair(directory, "ca")
        problem = pki.why_not_ca(ca)
        if problem or ca is None:
            if not ctx.mutate(f"make the CA: {problem}"):
                ca = None
            else:
                ca = await asyncio.to_thread(pki.make_ca)
                _write_pair(ctx, "ca", ca)
        for name, profile in (("server", pki.server_profile(ctx.para)), ("admin", pki.ADMIN)):
            pair = read_pair(directory, name)
            problem = pki.why_not(pair, ca, profile) if ca is not None else "its CA is new"
            if problem and ctx.mutate(f"make the {name} certificate: {problem}") and ca is not None:
                _write_pair(ctx, name, await asyncio.to_thread(pki.issue, ca, profile))


def read_pair(directory: Path, name: str) -> pki.KeyPair | None:
    """`<name>.crt` and `<name>.key` below `directory`; None when one of them is missing."""
    try:
        return pki.KeyPair((directory / f"{name}.crt").read_text(), (directory / f"{name}.key").read_text())
    except OSError:
        return None


def _write_pair(ctx: Context, name: str, pair: pki.KeyPair) -> None:
    ctx.secrets.redact.add(pair.key_pem)
    write_private(ctx.directory.pki / f"{name}.key", pair.key_pem)
    write_private(ctx.directory.pki / f"{name}.crt", pair.cert_pem)

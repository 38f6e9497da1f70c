"""What the phases leave in the API, and keeping alive what expires there."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tke_tui.core.context import Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.kubeadm.credentials import BOOTSTRAP_TOKEN, CA_CERT
from tke_tui.core.kubeadm.run import init_phase

if TYPE_CHECKING:
    from tke_tui.core.context import Context

SYSTEM = "kube-system"
UPLOADED_CERTS = "kubeadm-certs"

MARGIN = timedelta(minutes=10)
"""What expires within this time counts as expired: a join takes minutes."""


async def get(
    ctx: Context, api_version: str, kind: str, name: str, namespace: str | None = None
) -> dict[str, Any] | None:
    """An object of the cluster, None when it is not there.

    A check or a plan may come before there is a cluster: then nothing is there either.
    """
    if CA_CERT not in ctx.secrets:
        return None
    try:
        return await (await ctx.kube()).get(api_version, kind, name, namespace)
    except TkeError as error:
        if ctx.mode is Mode.RUN or not error.retryable:
            raise
        return None


async def exist(ctx: Context, *objects: tuple[str, str, str, str]) -> bool:
    """True when all of these (apiVersion, kind, name, namespace) exist."""
    for api_version, kind, name, namespace in objects:
        if await get(ctx, api_version, kind, name, namespace) is None:
            return False
    return True


def bootstrap_secret(token: str) -> str:
    """Name of the secret behind a bootstrap token: `bootstrap-token-<id>`."""
    return f"bootstrap-token-{token.partition('.')[0]}"


async def bootstrap_token_lives(ctx: Context) -> bool:
    """True when the API server still accepts our bootstrap token for a while."""
    return await _token_lives(ctx, bootstrap_secret(ctx.secrets.require(BOOTSTRAP_TOKEN)))


async def uploaded_certs_live(ctx: Context) -> bool:
    """True when a joining machine can still fetch the certificates; kubeadm lets them expire after two hours.

    They belong to a token of their own, and go when it goes.
    """
    secret = await get(ctx, "v1", "Secret", UPLOADED_CERTS, SYSTEM)
    if secret is None:
        return False
    owners = [o["name"] for o in secret["metadata"].get("ownerReferences") or [] if o.get("kind") == "Secret"]
    return all([await _token_lives(ctx, owner) for owner in owners])


async def refresh_join_secrets(ctx: Context) -> None:
    """Make anew, on the first machine, whatever of token and uploaded certificates no longer lives.

    A join that is continued hours after the first machine was set up would fail without this.
    """
    if ctx.mode is Mode.PLAN:
        return
    first = ctx.on(ctx.para.first)
    if not await uploaded_certs_live(ctx):
        await init_phase(ctx, first, "upload-certs", "--upload-certs", "--skip-certificate-key-print")
    if not await bootstrap_token_lives(ctx):
        await init_phase(ctx, first, "bootstrap-token", "--skip-token-print")


def joins_are_due(ctx: Context) -> bool:
    """True while a machine has not become a control plane yet."""
    task = "EnsureJoinPhaseControlPlaneJoinETCD"
    return not all(ctx.services.finished(task, machine.ip) for machine in ctx.para.machines[1:])


async def _token_lives(ctx: Context, name: str) -> bool:
    secret = await get(ctx, "v1", "Secret", name, SYSTEM)
    if secret is None:
        return False
    expiration = (secret.get("data") or {}).get("expiration")
    if not expiration:
        return True
    try:
        end = datetime.fromisoformat(b64decode(expiration).decode())
    except (ValueError, binascii.Error):
        return False
    return end > datetime.now(UTC) + MARGIN

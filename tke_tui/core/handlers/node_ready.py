"""Waiting for a machine's node after kubelet was restarted there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, NotReady
from tke_tui.core.remote import systemd
from tke_tui.core.steps.create_global_cluster import ready

if TYPE_CHECKING:
    from tke_tui.core.context import Context

TIMEOUT = 300.0
LEASE, LEASES = "coordination.k8s.io/v1", "kube-node-lease"

Test = Callable[[dict[str, Any] | None], bool | str]


def _any(node: dict[str, Any] | None) -> bool | str:
    return True


async def restart_kubelet(ctx: Context, also: Test = _any) -> None:
    """Restart kubelet on this task's machine and wait until it reports a Ready node for which `also` holds.

    The API shows the state from before for a while, also of a kubelet that does not start any more; so the first
    thing to wait for is that it renews its lease. Raises `NotReady` with what kubelet says.
    """
    await systemd.restart(ctx.node, "kubelet.service")
    await wait_for_kubelet(ctx, also)


async def wait_for_kubelet(ctx: Context, also: Test = _any) -> None:
    """The waiting of `restart_kubelet`; only a run waits."""
    if ctx.mode is not Mode.RUN:
        return
    kube, node = await ctx.kube(), ctx.node.name
    before = _renewed(await kube.get(LEASE, "Lease", node, LEASES))

    def renewed(lease: dict[str, Any] | None) -> bool | str:
        return _renewed(lease) != before or "kubelet has not renewed its lease since it was restarted"

    def good(found: dict[str, Any] | None) -> bool | str:
        verdict = ready(found)
        return also(found) if verdict is True else verdict

    try:
        await kube.wait_for(
            LEASE, "Lease", node, LEASES, renewed, timeout=TIMEOUT, what="kubelet to report again"
        )
        await kube.wait_for("v1", "Node", node, None, good, timeout=TIMEOUT, what="the node to be Ready")
    except NotReady as error:
        said = await systemd.journal_tail(ctx.node, "kubelet.service")
        raise NotReady(
            f"{node}: kubelet did not come back: {error.detail or error.title}",
            detail=said[-1] if said else "",
            fix=f"See `journalctl -u kubelet` on {node}: an argument it does not know, for example. Correct the "
            "cause, then run the same command again.",
            evidence=Evidence("systemctl restart kubelet.service", None, tuple(said)),
        ) from error


def _renewed(lease: dict[str, Any] | None) -> str:
    return str(((lease or {}).get("spec") or {}).get("renewTime") or "")

"""Taking the pods off a machine before its kubelet changes, and giving it back afterwards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tke_tui.core.context import Mode
from tke_tui.core.errors import NotReady
from tke_tui.core.kubeadm import api, minor_version
from tke_tui.core.kubeadm.endpoint import KUBECONFIG
from tke_tui.core.kubeadm.stamps import DIRECTORY
from tke_tui.core.remote.waiting import until

if TYPE_CHECKING:
    from tke_tui.core.context import Context

NOTE = f"{DIRECTORY}/evacuated"
DRAIN_SECONDS = 900
SETTLE_SECONDS = 900.0
EMPTYDIR_FLAG_SINCE = 20
"""Before, it was --delete-local-data."""


async def evacuate(ctx: Context) -> None:
    """Let no more pods come to this task's machine and move those that can be moved.

    With a single machine there is nowhere to move them: they stay and go on running. A note on the machine says that
    it was us, so that a machine which a person closed stays closed.
    """
    if len(ctx.para.machines) == 1:
        return
    node = ctx.node
    found = await api.get(ctx, "v1", "Node", node.name)
    closed = bool(((found or {}).get("spec") or {}).get("unschedulable"))
    if not closed:
        await node.write_file(NOTE, "", mode=0o600, what="note that the machine is closed for the upgrade")
    local = "--delete-emptydir-data"
    if minor_version(ctx.para.cluster.spec.version) < EMPTYDIR_FLAG_SINCE:
        local = "--delete-local-data"
    await node.change(
        "move the pods to other machines",
        *("kubectl", f"--kubeconfig={KUBECONFIG}", "drain", node.name, "--ignore-daemonsets", local),
        f"--timeout={DRAIN_SECONDS}s",
        timeout=DRAIN_SECONDS + 60,
        fix="The last lines name the pods that cannot be moved: one without a controller has to be deleted by hand, "
        "one that a PodDisruptionBudget protects needs more replicas. Then run the same command again.",
    )


async def give_back(ctx: Context) -> None:
    """Let pods come to the machine again, if it was we who closed it."""
    if await ctx.node.exists(NOTE):
        command = ("kubectl", f"--kubeconfig={KUBECONFIG}", "uncordon", ctx.node.name)
        await ctx.node.change("let pods come to the machine again", *command)
        await ctx.node.remove(NOTE)


async def wait_settled(ctx: Context) -> None:
    """Until no more pods are unready than `cluster.spec.upgrade.strategy.maxUnready` allows. Raises `NotReady`."""
    if ctx.mode is not Mode.RUN:
        return
    unready: list[str] = []

    async def settled() -> bool:
        pods = await (await ctx.kube()).list("v1", "Pod")
        unready[:] = [_label(pod) for pod in pods if not _fine(pod)]
        return len(unready) <= allowed(ctx.para.cluster.spec.upgrade.strategy.max_unready, len(pods))

    if not await until(settled, timeout=SETTLE_SECONDS):
        raise NotReady(
            f"{len(unready)} pods are not ready after the upgrade of {ctx.node.name}",
            detail=", ".join(sorted(unready)[:10]),
            fix="Look at them with `kubectl describe`, or allow more in cluster.spec.upgrade.strategy.maxUnready; "
            "then run the same command again.",
        )


def allowed(given: int | str | None, pods: int) -> int:
    """How many of `pods` may be unready: a number, or a percentage, rounded up."""
    text = str(given or 0)
    if text.endswith("%"):
        return math.ceil(pods * int(text.removesuffix("%")) / 100)
    return int(text)


def _fine(pod: dict[str, Any]) -> bool:
    """Ready, or ended for good: a finished job is no trouble."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return True
    conditions = status.get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _label(pod: dict[str, Any]) -> str:
    return f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}"

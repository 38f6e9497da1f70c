"""What handlers and steps do with Kubernetes objects: compare, ask the gate, apply, wait for a condition.

Everything works in all three modes. When nothing may be changed and there is no API server to ask (a plan for bare
machines), every object counts as absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tke_tui.core.adapters.kube_rollout import rolled_out
from tke_tui.core.context import Mode
from tke_tui.core.errors import StateError, TkeError, Unreachable

if TYPE_CHECKING:
    from tke_tui.core.adapters.kube import KubeClient
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.para import CreateClusterPara

Object = dict[str, Any]
Ready = Callable[[Object | None], bool | str]

APPS = "apps/v1"
SYSTEM = "kube-system"
ROLLOUT_TIMEOUT = 600.0


def image_of(para: CreateClusterPara, bundle: Bundle, name: str) -> str:
    """Reference of an image as the nodes pull it, e.g. `registry.tke.com/library/galaxy:v1.0.4`."""
    return f"{para.registry_prefix}/{name}:{bundle.tag(name, para.cluster.spec.version)}"


def config_hash(*contents: str) -> str:
    """Short hash for the annotation of a pod template: pods are replaced when their configuration changes."""
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:16]


def label_of(obj: Object) -> str:
    """`DaemonSet kube-system/flannel`."""
    metadata = obj["metadata"]
    return f"{obj['kind']} " + "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


async def reach(ctx: Context) -> KubeClient | None:
    """The client of the cluster; None when nothing may be changed and no API server answers (yet)."""
    if ctx.mode is Mode.RUN:
        return await ctx.kube()
    try:
        kube = await ctx.kube()
        await kube.get_raw("/readyz")
    except (StateError, Unreachable):
        return None
    except TkeError as error:
        if error.retryable:
            return None
        raise
    return kube


async def apply_all(ctx: Context, objects: Iterable[Object]) -> bool:
    """Apply, in this order, the objects that differ from what is there; True when there was one."""
    kube = await reach(ctx)
    changed = False
    for obj in objects:
        if kube is not None and not await kube.would_change(obj):
            continue
        changed = True
        if ctx.mutate(f"apply {label_of(obj)}") and kube is not None:
            await kube.apply(obj)
    return changed


async def ensure_absent(
    ctx: Context, api_version: str, kind: str, name: str, namespace: str | None = None
) -> bool:
    """Delete an object if it is there; True when it was."""
    kube = await reach(ctx)
    if kube is None or await kube.get(api_version, kind, name, namespace) is None:
        return False
    if ctx.mutate(f"delete {kind} {'/'.join(filter(None, (namespace, name)))}"):
        await kube.delete(api_version, kind, name, namespace)
    return True


async def wait_rolled_out(
    ctx: Context, kind: str, name: str, namespace: str = SYSTEM, *, timeout: float = ROLLOUT_TIMEOUT
) -> None:
    """Wait for a rollout; `NotReady` with the pods' troubles. Where nothing may be changed it is only looked at."""
    if ctx.mode is Mode.RUN:
        await (await ctx.kube()).wait_rollout(kind, name, namespace, timeout=timeout)
        return
    await _look(ctx, APPS, kind, name, namespace, rolled_out(kind))


async def wait_until(
    ctx: Context,
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None,
    ready: Ready,
    *,
    timeout: float,
    what: str,
) -> None:
    """Wait for a condition of one object; arguments as of `KubeClient.wait_for`."""
    if ctx.mode is Mode.RUN:
        kube = await ctx.kube()
        await kube.wait_for(api_version, kind, name, namespace, ready, timeout=timeout, what=what)
        return
    await _look(ctx, api_version, kind, name, namespace, ready)


async def _look(
    ctx: Context, api_version: str, kind: str, name: str, namespace: str | None, ready: Ready
) -> None:
    kube = await reach(ctx)
    found = None if kube is None else await kube.get(api_version, kind, name, namespace)
    if ready(found) is not True:
        ctx.mutate(f"wait for {kind} {'/'.join(filter(None, (namespace, name)))}")


def has_condition(kind: str, status: str = "True") -> Ready:
    """Test for a condition of an object by its type, wherever it stands in the list."""

    def ready(found: Object | None) -> bool | str:
        if found is None:
            return "it does not exist"
        for condition in (found.get("status") or {}).get("conditions") or []:
            if condition["type"] == kind:
                if condition["status"] == status:
                    return True
                return f"{kind} is {condition['status']}: {condition.get('message') or condition.get('reason', '')}"
        return f"it has no condition {kind} yet"

    return ready

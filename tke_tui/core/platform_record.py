"""Writing the platform's record of the cluster: what the steps share that make it and keep it true.

What is there is compared by an annotation, as its content is secret and the platform adds to it. From the import on the
platform writes into these objects and need not show the logins it keeps, and its servers may take neither server-side
apply nor dry runs. Nothing is ever deleted: the platform would begin to tear the cluster down.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from tke_tui.core import platform_resources
from tke_tui.core.adapters.kube_diagnosis import diagnose
from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, NotReady, TkeError
from tke_tui.core.kube_objects import Object, label_of, reach
from tke_tui.core.kubeadm.credentials import TOKEN, secret_or_planned
from tke_tui.core.model.cluster import API_VERSION
from tke_tui.core.remote.waiting import until

if TYPE_CHECKING:
    from tke_tui.core.adapters.kube import KubeClient
    from tke_tui.core.context import Context

TIMEOUT = 600.0
IMPORTED = "tke-tui/imported"
"""Annotation that says what was imported or written last: a keyed hash."""


async def reach_platform(ctx: Context) -> KubeClient | None:
    """As `reach`; in a run the platform's API answers, too. Raises `NotReady` with what it said last."""
    kube = await reach(ctx)
    if kube is not None and ctx.mode is Mode.RUN:
        await _wait_served(kube)
    return kube


async def find(kube: KubeClient | None, obj: Object) -> Object | None:
    """The object of this kind and name as it is in the platform; None when there is none, or nobody to ask."""
    return None if kube is None else await kube.get(API_VERSION, obj["kind"], obj["metadata"]["name"])


def credential(ctx: Context) -> Object:
    """The marked ClusterCredential of this installation's secrets."""
    names = {*platform_resources.CREDENTIAL_BYTES.values(), *platform_resources.CREDENTIAL_TEXTS.values()}
    secrets = {name: secret_or_planned(ctx, name) for name in names}
    return _marked(ctx, platform_resources.credential(ctx.para, secrets))


def cluster(ctx: Context) -> Object:
    """The marked Cluster of this input, without its status."""
    return _marked(ctx, platform_resources.cluster(ctx.para))


def status(ctx: Context) -> dict[str, Any]:
    """Status of the Cluster of this input, with a condition for each handler that ended well."""
    return platform_resources.status(ctx.para, _conditions(ctx))


def is_known(found: Object, marked: Object) -> bool:
    """Whether `marked` is what was written last."""
    annotations = found["metadata"].get("annotations") or {}
    return bool(annotations.get(IMPORTED) == marked["metadata"]["annotations"][IMPORTED])


async def bring(ctx: Context, kube: KubeClient | None, marked: Object, at_first: Object) -> None:
    """Create the object with what it only has `at_first`, or update it when it is not what was written last."""
    found = await find(kube, marked)
    if found is None:
        if ctx.mutate(f"import {label_of(marked)}") and kube is not None:
            await kube.create({**marked, **at_first})
        return
    if not is_known(found, marked) and ctx.mutate(f"update {label_of(marked)}") and kube is not None:
        where = (API_VERSION, marked["kind"], marked["metadata"]["name"])
        await kube.patch(*where, platform_resources.update_of(marked))


def require_idle(ctx: Context, found: Object) -> None:
    """Raise `NotReady` in a run while the platform itself scales, upgrades or makes the cluster."""
    phase = (found.get("status") or {}).get("phase") or ""
    if ctx.mode is Mode.RUN and phase not in platform_resources.IDLE:
        raise NotReady(
            f"The platform itself is at work on {label_of(found)}",
            detail=f"its phase is {phase}",
            fix="Let it come to an end (`kubectl get clusters.platform.tkestack.io global -o yaml` shows its "
            "conditions), then continue.",
            evidence=Evidence(output=(f"status.phase: {phase}",)),
        )


async def _wait_served(kube: KubeClient) -> None:
    """Wait until the API server passes both kinds on to the platform."""
    last = [""]

    async def served() -> bool:
        for plural in ("clusters", "clustercredentials"):
            try:
                code, text = await kube.get_raw(f"/apis/{API_VERSION}/{plural}?limit=1")
            except TkeError as error:
                last[0] = error.detail or error.title
                return False
            if code != 200:
                last[0] = f"{plural}: HTTP {code}: {text.strip()[:300]}"
                return False
        return True

    if not await until(served, timeout=TIMEOUT):
        raise NotReady(
            f"The platform's API did not list clusters in {TIMEOUT:g} s",
            detail=last[0],
            fix="Look at tke-platform-api with `kubectl -n tke logs deployment/tke-platform-api`, remove the cause, "
            "then continue with --resume.",
            evidence=Evidence(output=await diagnose(kube, "Deployment", "tke-platform-api", NAMESPACE)),
        )


def _conditions(ctx: Context) -> list[dict[str, Any]]:
    """One condition per handler of the plan that ended well, as the platform's own provider would have left it."""
    from tke_tui.core.plan import build_plan  # the plan lists the steps that are made of this

    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    done: dict[str, bool] = {}
    for planned in build_plan(ctx.para):
        name = planned.task.name
        if planned.step == "Create global cluster" and planned.step != name and planned.by != "condition":
            ended = bool(planned.left_out) or ctx.services.finished(name, planned.node)
            done[name] = done.get(name, True) and ended
    skipped = set(ctx.para.cluster.spec.features.skip_conditions)
    return [
        {"type": name, "status": "True", **times, **({"reason": "Skip"} if name in skipped else {})}
        for name, ended in done.items()
        if ended
    ]


def _marked(ctx: Context, obj: Object) -> Object:
    key = secret_or_planned(ctx, TOKEN).encode()
    stamp = hmac.new(key, json.dumps(obj, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:32]
    metadata = obj["metadata"]
    annotations = {**metadata.get("annotations", {}), IMPORTED: stamp}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}

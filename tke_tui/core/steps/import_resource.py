"""Import resource to TKE platform: the platform learns of the cluster it runs on."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core import platform_resources
from tke_tui.core.adapters.kube_diagnosis import diagnose
from tke_tui.core.components import NAMESPACE
from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import Evidence, NotReady, TkeError
from tke_tui.core.kube_objects import Object, label_of, reach
from tke_tui.core.kubeadm.credentials import TOKEN, secret_or_planned
from tke_tui.core.model.cluster import API_VERSION
from tke_tui.core.model.dump import dump_para
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, Task

if TYPE_CHECKING:
    from tke_tui.core.adapters.kube import KubeClient
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TIMEOUT = 600.0
IMPORTED = "tke-tui/imported"
"""Annotation that says what was imported: a keyed hash, as the content is secret and the platform adds to it."""


class ImportResource(Task):
    """Creates or updates, and never deletes: the platform would begin to tear the cluster down.

    What is there is compared by the annotation alone. From the import on the platform writes into these objects and
    need not show the logins it keeps, and its servers may take neither server-side apply nor dry runs.
    """

    name: ClassVar[str] = "Import resource to TKE platform"
    title: ClassVar[str] = "Make the cluster known to the platform"
    needs: ClassVar[tuple[Need, ...]] = (
        Need("Register tke api into global cluster"),
        Need("Install tke-platform-controller"),
    )

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [dump_para(para, secrets="mask")["cluster"], para.advertise]

    async def run(self, ctx: Context) -> None:
        kube = await reach(ctx)
        if kube is not None and ctx.mode is Mode.RUN:
            await _wait_served(kube)
        names = {*platform_resources.CREDENTIAL_BYTES.values(), *platform_resources.CREDENTIAL_TEXTS.values()}
        secrets = {name: secret_or_planned(ctx, name) for name in names}
        await self._bring(ctx, kube, platform_resources.credential(ctx.para, secrets), {})
        status = platform_resources.status(ctx.para, _conditions(ctx))
        await self._bring(ctx, kube, platform_resources.cluster(ctx.para), {"status": status})

    async def _bring(self, ctx: Context, kube: KubeClient | None, obj: Object, at_first: Object) -> None:
        """Create the object with what it only has `at_first`, or update it when it is not what was imported last."""
        stamp = _stamp(ctx, obj)
        metadata = obj["metadata"]
        marked = {
            **obj,
            "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), IMPORTED: stamp}},
        }
        where = (API_VERSION, obj["kind"], metadata["name"])
        found = await kube.get(*where) if kube is not None else None
        if found is None:
            if ctx.mutate(f"import {label_of(obj)}") and kube is not None:
                await kube.create({**marked, **at_first})
            return
        same = (found["metadata"].get("annotations") or {}).get(IMPORTED) == stamp
        if not same and ctx.mutate(f"update {label_of(obj)}") and kube is not None:
            await kube.patch(*where, platform_resources.update_of(marked))


async def _wait_served(kube: KubeClient) -> None:
    """Wait until the API server passes both kinds on to the platform; `NotReady` with what it said last."""
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
    from tke_tui.core.plan import build_plan  # the plan lists this very step

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


def _stamp(ctx: Context, obj: Object) -> str:
    key = secret_or_planned(ctx, TOKEN).encode()
    return hmac.new(key, json.dumps(obj, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:32]

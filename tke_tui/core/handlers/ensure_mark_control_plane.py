"""EnsureMarkControlPlane: labels and taints of the masters' Node objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.kubeadm import api
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

MASTER = "node-role.kubernetes.io/master"
HOSTNAME = "kubernetes.io/hostname"
TIMEOUT = 120.0

Taint = dict[str, str]


class EnsureMarkControlPlane(Task):
    """What others labelled or tainted stays; ours is added. Needs only that the node has registered."""

    name: ClassVar[str] = "EnsureMarkControlPlane"
    title: ClassVar[str] = "Label and taint the masters"
    scope: ClassVar[Scope] = Scope.ALL
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureKubeadmInitPhaseWaitControlPlane", On.FIRST),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [] if machine is None else [wanted_labels(machine), wanted_taints(para, machine)]

    async def run(self, ctx: Context) -> None:
        machine = ctx.node.machine
        if ctx.mode is Mode.RUN:
            node: dict[str, Any] | None = await (await ctx.kube()).wait_for(
                "v1", "Node", machine.ip, None, _registered, timeout=TIMEOUT, what="kubelet to register it"
            )
        else:
            node = await api.get(ctx, "v1", "Node", machine.ip)
        patch = patch_for(node or {}, wanted_labels(machine), wanted_taints(ctx.para, machine))
        if patch and ctx.mutate(f"label and taint the node {machine.ip}"):
            await (await ctx.kube()).patch("v1", "Node", machine.ip, patch)


def wanted_labels(machine: Machine) -> dict[str, str]:
    return {**machine.labels, MASTER: ""}


def wanted_taints(para: CreateClusterPara, machine: Machine) -> list[Taint]:
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in machine.taints]
    if not para.cluster.spec.features.enable_master_schedule:
        taints.append({"key": MASTER, "value": "", "effect": "NoSchedule"})
    return taints


def patch_for(node: dict[str, Any], labels: dict[str, str], taints: list[Taint]) -> dict[str, Any]:
    """The merge patch that brings a Node to these labels and taints; {} when it has them.

    Taints are one list, replaced as a whole: the resource version lets the API refuse it when somebody else has
    changed the node in between, and the retry starts from what is there then.
    """
    metadata, spec = node.get("metadata") or {}, node.get("spec") or {}
    present = metadata.get("labels") or {}
    patch: dict[str, Any] = {}
    missing = {key: value for key, value in labels.items() if present.get(key) != value}
    if missing:
        patch["metadata"] = {"labels": missing}
    old: list[dict[str, Any]] = spec.get("taints") or []
    new = [taint for taint in taints if not any(_same(taint, other) for other in old)]
    if new:
        replaced = {(taint["key"], taint["effect"]) for taint in new}
        kept = [taint for taint in old if (taint["key"], taint["effect"]) not in replaced]
        patch["spec"] = {"taints": [*kept, *new]}
        if "resourceVersion" in metadata:
            patch.setdefault("metadata", {})["resourceVersion"] = metadata["resourceVersion"]
    return patch


def _same(taint: Taint, other: dict[str, Any]) -> bool:
    return all((other.get(key) or "") == taint[key] for key in ("key", "value", "effect"))


def _registered(node: dict[str, Any] | None) -> bool | str:
    if node is None:
        return "kubelet has not registered it"
    return HOSTNAME in (node["metadata"].get("labels") or {}) or "it has no hostname label yet"

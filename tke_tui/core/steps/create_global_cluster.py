"""Create global cluster: its handlers do the work on the machines; this is the proof that the cluster stands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.remote.waiting import at_once
from tke_tui.core.task import Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

NODES_AT_ONCE = 8
NODE_TIMEOUT = 600.0


class CreateGlobalCluster(Task):
    """Ends well when the API server is healthy and every machine is a Ready node. It changes nothing."""

    name: ClassVar[str] = "Create global cluster"
    title: ClassVar[str] = "Create the cluster"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return [str(one.ip) for one in para.machines]

    async def check(self, ctx: Context) -> bool:
        try:
            kube = await ctx.kube()
            status, _ = await kube.get_raw("/readyz")
            nodes = [await kube.get("v1", "Node", str(machine.ip)) for machine in ctx.para.machines]
        except TkeError:
            return False
        return status == 200 and all(ready(node) is True for node in nodes)

    async def run(self, ctx: Context) -> None:
        if ctx.mode is Mode.PLAN:
            ctx.log("would wait until the API server is healthy and every node is Ready")
            return
        kube = await ctx.kube()
        await kube.wait_healthy()
        total, done = len(ctx.para.machines), 0

        async def wait(machine: Machine) -> None:
            nonlocal done
            await kube.wait_for(
                "v1", "Node", str(machine.ip), None, ready, timeout=NODE_TIMEOUT, what="the node to be Ready"
            )
            done += 1
            ctx.progress(done, total, "nodes ready")

        await at_once(NODES_AT_ONCE, [partial(wait, machine) for machine in ctx.para.machines])


def ready(node: dict[str, Any] | None) -> bool | str:
    """True when the node's condition Ready holds, else why not."""
    if node is None:
        return "the machine has not registered as a node"
    for condition in (node.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            if condition.get("status") == "True":
                return True
            return str(condition.get("message") or condition.get("reason") or "the node is not Ready")
    return "the kubelet has not reported the state of the node"

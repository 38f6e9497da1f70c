"""EnsurePatchAnnotation: the static pods carry the annotations by which monitoring finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, Fatal, NotReady
from tke_tui.core.kubeadm import endpoint, parts
from tke_tui.core.kubeadm.annotations import COMPONENTS, annotate, annotations_of, missing
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote import static_pods, static_restart
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Need, On, Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TIMEOUT = 300.0
PATIENCE = 25.0
"""Seconds in which kubelet sees a changed manifest: at once, or at its next look after 20 s."""
ETCD_MEMBERS = "platform.tkestack.io/etcd-members"


class EnsurePatchAnnotation(Task):
    """kubeadm 1.19 and later write the annotations themselves (see `kubeadm.run`); then there is nothing to change.

    A changed manifest makes kubelet restart the pod, so one machine follows the other, each once the one before
    has all its pods back.

    The first machine's API server was there when etcd grew from one member to two and was without quorum until the
    second had started. Watches of before that moment may stay silent for minutes (seen with v1.20.2: a new Service
    unknown to controller-manager, kube-proxy and the aggregator, which then fight over the state of an APIService).
    So it is annotated with the members, once all have joined, and thereby starts afresh.
    """

    name: ClassVar[str] = "EnsurePatchAnnotation"
    title: ClassVar[str] = "Annotate the control plane for monitoring"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureJoinPhaseControlPlaneJoinUpdateStatus", On.EVERY),)

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        machine = machine or para.first
        made = [parts.part_of(part, para, bundle, machine.ip) for part in (parts.control_plane, parts.etcd)]
        return [*made, _wanted("kube-apiserver", para, machine)]

    async def run(self, ctx: Context) -> None:
        for component in COMPONENTS:
            wanted = _wanted(component, ctx.para, ctx.node.machine)
            text = await ctx.node.read_text(manifest(component))
            if text is None and ctx.mode is Mode.RUN:
                raise Fatal(
                    f"{ctx.node.name}: {manifest(component)} is missing",
                    detail="it was there a moment ago; something else removes files there",
                    fix="Run again with --force: every step is gone through, and what is in place stays.",
                )
            if text is None or not missing(text, wanted):
                continue
            await ctx.node.write_file(
                manifest(component), annotate(text, wanted), mode=0o600, what=f"annotate the pod {component}"
            )
        if ctx.mode is Mode.RUN:
            await self._wait(ctx)

    async def _wait(self, ctx: Context) -> None:
        """Until every static pod runs from its present manifest and this machine's API server answers.

        Asked of the machine itself: kubelet tells the API server of a restarted static pod up to 90 s later. One that
        kubelet leaves alone is restarted: its manifest was written again with the content that it runs with, by a
        run that was broken off before it could say so.
        """
        node = ctx.node
        for component in COMPONENTS:

            async def taken_up(component: str = component) -> bool:
                return await static_pods.runs_present_manifest(node, component)

            if await until(taken_up, timeout=PATIENCE):
                continue
            await static_restart.restart(ctx, component, wait=False)
            if not await until(taken_up, timeout=TIMEOUT):
                raise await self._not_ready(ctx, component, "kubelet has not taken up its manifest")

        async def healthy() -> bool:
            return await endpoint.answers(node, f"{node.name}:{API_SERVER_PORT}")

        if not await until(healthy, timeout=TIMEOUT):
            raise await self._not_ready(ctx, "kube-apiserver", "it does not answer /healthz")

    async def _not_ready(self, ctx: Context, component: str, why: str) -> NotReady:
        said = await static_pods.evidence(ctx.node, component)
        return NotReady(
            f"{ctx.node.name}: the static pod {component} did not come back in {TIMEOUT:g} s",
            detail=why,
            fix=f"The lines above show what {component} and kubelet on {ctx.node.name} say. Correct the cause, then "
            "continue with --resume.",
            evidence=Evidence(output=tuple(said)),
        )


def _wanted(component: str, para: CreateClusterPara, machine: Machine) -> dict[str, str]:
    wanted = annotations_of(component, para.cluster.spec.version)
    if component == "kube-apiserver" and machine.ip == para.first.ip and len(para.machines) > 1:
        wanted[ETCD_MEMBERS] = ",".join(each.ip for each in para.machines)
    return wanted

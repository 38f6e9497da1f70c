"""EnsurePatchAnnotation: the static pods carry the annotations by which monitoring finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Mode
from tke_tui.core.errors import Evidence, Fatal, NotReady
from tke_tui.core.kubeadm import endpoint, parts
from tke_tui.core.kubeadm.annotations import COMPONENTS, annotate, annotations_of, missing
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.model.para import API_SERVER_PORT
from tke_tui.core.remote import static_pods
from tke_tui.core.remote.waiting import until
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

TIMEOUT = 300.0


class EnsurePatchAnnotation(Task):
    """kubeadm 1.19 and later write the annotations themselves (see `kubeadm.run`); then there is nothing to change.

    A changed manifest makes kubelet restart the pod, so one machine follows the other, each once the one before
    has all its pods back.
    """

    name: ClassVar[str] = "EnsurePatchAnnotation"
    title: ClassVar[str] = "Annotate the control plane for monitoring"
    scope: ClassVar[Scope] = Scope.ALL
    serial: ClassVar[bool] = True

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        node = machine.ip if machine is not None else para.first.ip
        return [parts.part_of(part, para, bundle, node) for part in (parts.control_plane, parts.etcd)]

    async def run(self, ctx: Context) -> None:
        version = ctx.para.cluster.spec.version
        for component in COMPONENTS:
            wanted = annotations_of(component, version)
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

        Asked of the machine itself: kubelet tells the API server of a restarted static pod up to 90 s later.
        """
        node = ctx.node
        for component in COMPONENTS:

            async def taken_up(component: str = component) -> bool:
                return await static_pods.runs_present_manifest(node, component)

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

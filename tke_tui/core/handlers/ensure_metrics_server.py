"""EnsureMetricsServer: CPU and memory figures of nodes and pods (`kubectl top`, autoscaling)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.kube_objects import Object, apply_all, has_condition, image_of, wait_rolled_out, wait_until
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

API_SERVICE = "v1beta1.metrics.k8s.io"
API_TIMEOUT = 600.0
"""Endpoints of new services have been seen to take five minutes right after masters joined."""


class EnsureMetricsServer(Task):
    """Its pod needs the pod network and a node that takes it, so all nodes have their labels and taints before.

    Ends when the API server can reach the figures: an APIService without backend makes every deletion of a
    namespace hang, so a broken one must not pass unnoticed.
    """

    name: ClassVar[str] = "EnsureMetricsServer"
    title: ClassVar[str] = "Install the metrics server"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureGalaxy"), Need("EnsureMarkControlPlane", On.EVERY))
    skippable: ClassVar[bool] = True

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))
        await wait_rolled_out(ctx, "Deployment", _deployment(ctx.para, ctx.bundle))
        await wait_until(
            ctx,
            "apiregistration.k8s.io/v1",
            "APIService",
            API_SERVICE,
            None,
            has_condition("Available"),
            timeout=API_TIMEOUT,
            what="the API server to reach the metrics server",
        )


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    return render_manifests(
        "metrics_server/metrics-server.yaml.j2",
        name=_deployment(para, bundle),
        version=_version(para, bundle),
        image=image_of(para, bundle, "metrics-server"),
        resizer_image=image_of(para, bundle, "addon-resizer"),
    )


def _deployment(para: CreateClusterPara, bundle: Bundle) -> str:
    return f"metrics-server-{_version(para, bundle)}"


def _version(para: CreateClusterPara, bundle: Bundle) -> str:
    return bundle.tag("metrics-server", para.cluster.spec.version)

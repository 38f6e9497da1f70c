"""EnsureCSIOperator: the operator that installs storage drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.errors import BundleError
from tke_tui.core.kube_objects import Object, apply_all, wait_rolled_out
from tke_tui.core.model.defaults import DEFAULT_CSI_OPERATOR
from tke_tui.core.task import Need, On, Scope, Task
from tke_tui.core.templating import render_manifests

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.context import Context
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

IMAGE = "csi-operator"


class EnsureCSIOperator(Task):
    name: ClassVar[str] = "EnsureCSIOperator"
    title: ClassVar[str] = "Install the CSI operator"
    scope: ClassVar[Scope] = Scope.CLUSTER
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureGalaxy"), Need("EnsureMarkControlPlane", On.EVERY))
    skippable: ClassVar[bool] = True

    def left_out(self, para: CreateClusterPara) -> str | None:
        if para.cluster.spec.features.csi_operator is not None:
            return None
        return "cluster.spec.features.csiOperator is not given"

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        return objects(para, bundle)

    async def run(self, ctx: Context) -> None:
        await apply_all(ctx, objects(ctx.para, ctx.bundle))
        await wait_rolled_out(ctx, "Deployment", IMAGE)


def objects(para: CreateClusterPara, bundle: Bundle) -> list[Object]:
    image = f"{para.registry_prefix}/{IMAGE}:{image_tag(para, bundle)}"
    return render_manifests(
        "csi_operator/csi-operator.yaml.j2", image=image, registry_prefix=para.registry_prefix
    )


def image_tag(para: CreateClusterPara, bundle: Bundle) -> str:
    """The version asked for, if the bundle holds it; the bundle's own when only the default was asked for.

    Raises `BundleError` for another version.
    """
    feature = para.cluster.spec.features.csi_operator
    wanted = feature.version if feature is not None else ""
    offered = bundle.tag(IMAGE, para.cluster.spec.version)
    if wanted in ("", offered, DEFAULT_CSI_OPERATOR):
        return offered
    if para.registry_is_official or bundle.has_image(IMAGE, wanted):
        return wanted
    raise BundleError(
        f"The bundle has no {IMAGE} {wanted}",
        detail=f"offered: {offered}",
        fix="Leave cluster.spec.features.csiOperator.version empty, or take a bundle that holds this version.",
    )

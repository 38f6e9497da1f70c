"""Which images of the bundle this input needs on the machines or on the installer host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tke_tui.core.errors import BundleError
from tke_tui.core.handlers.ensure_csi_operator import IMAGE as CSI_OPERATOR
from tke_tui.core.handlers.ensure_csi_operator import image_tag
from tke_tui.core.handlers.ensure_kubernetes_images import IMAGES as KUBERNETES
from tke_tui.core.steps.component import InstallComponent

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.task import Task

OF_TASK: dict[str, tuple[str, ...]] = {
    "Setup local registry": ("registry",),
    "EnsureKubernetesImages": KUBERNETES,
    "EnsureGalaxy": ("flannel", "galaxy"),
    "EnsureKeepalivedInit": ("keepalived",),
    "EnsureKeepalivedWithLB": ("keepalived",),
    "EnsureNvidiaDevicePlugin": ("nvidia-device-plugin",),
    "EnsureGPUManager": ("gpu-manager", "gpu-quota-admission", "busybox"),
    "EnsureCSIOperator": (CSI_OPERATOR,),
    "EnsureMetricsServer": ("metrics-server", "addon-resizer"),
}
"""Step or handler -> plain names of its images. Steps that install a component know theirs by themselves."""


def needed_images(para: CreateClusterPara, bundle: Bundle) -> list[str]:
    """`name:tag` of every image that the tasks of this input's plan use, sorted, without architectures.

    Only `name` where the bundle's manifest names no tag. Empty when nothing is taken from the bundle: the registry
    holds the images already, or loading them is skipped.
    """
    from tke_tui.core.plan import listed_tasks  # the plan lists Preflight, which asks this

    tasks = [listed.task for listed in listed_tasks(para) if not listed.left_out]
    if not any(task.name == "Load images" for task in tasks):
        return []
    names = {name for task in tasks for name in _names(task)}
    return sorted(_with_tag(name, para, bundle) for name in names)


def _names(task: Task) -> Iterator[str]:
    yield from OF_TASK.get(task.name, ())
    if isinstance(task, InstallComponent):
        yield from task.spec.all_images


def _with_tag(name: str, para: CreateClusterPara, bundle: Bundle) -> str:
    try:
        tag = bundle.tag(name, para.cluster.spec.version)
        return f"{name}:{image_tag(para, bundle) if name == CSI_OPERATOR else tag}"
    except BundleError:
        return name

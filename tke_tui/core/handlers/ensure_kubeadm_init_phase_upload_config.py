"""EnsureKubeadmInitPhaseUploadConfig: the configuration that joining machines read from the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import minor_version, parts
from tke_tui.core.kubeadm.api import SYSTEM, exist
from tke_tui.core.kubeadm.endpoint import wait_for_advertised
from tke_tui.core.kubeadm.phase import InitPhase, Phase

if TYPE_CHECKING:
    from tke_tui.core.context import Context


class EnsureKubeadmInitPhaseUploadConfig(InitPhase):
    """The first phase that speaks to the API through the advertised address, which is the VIP with high availability.

    The VIP comes up by itself once keepalived runs, and keepalived is started by kubelet from its manifest without
    any API server; waiting for it here, once, serves all that follow on this machine.
    """

    name: ClassVar[str] = "EnsureKubeadmInitPhaseUploadConfig"
    title: ClassVar[str] = "Upload the cluster's configuration"
    phase: ClassVar[Phase] = Phase(
        ("upload-config", "all"),
        "upload-config",
        parts.upload_config,
    )

    async def present(self, ctx: Context) -> bool:
        kubelet = f"kubelet-config-1.{minor_version(ctx.para.cluster.spec.version)}"
        return await exist(
            ctx, ("v1", "ConfigMap", "kubeadm-config", SYSTEM), ("v1", "ConfigMap", kubelet, SYSTEM)
        )

    async def prepare(self, ctx: Context, *, interrupted: bool) -> None:
        await wait_for_advertised(ctx)

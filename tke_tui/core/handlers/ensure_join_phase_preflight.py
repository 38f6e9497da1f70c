"""EnsureJoinPhasePreflight: kubeadm's own checks of a machine that is about to join."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tke_tui.core.kubeadm import stamps
from tke_tui.core.kubeadm.endpoint import wait_for_advertised
from tke_tui.core.kubeadm.joining import JoinPhase
from tke_tui.core.task import Need, On

if TYPE_CHECKING:
    from tke_tui.core.context import Context

STAMP = "join-preflight"

# Images come from our registry and are there; kubelet and the manifest directory may be, too. What the operating
# system must bring along, our own preflight has judged on all machines alike; kubeadm would now be stricter with
# every machine but the first.
IGNORED = (
    "ImagePull",
    "Port-10250",
    "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
    "DirAvailable--etc-kubernetes-manifests",
    "SystemVerification",
)


class EnsureJoinPhasePreflight(JoinPhase):
    """Passed once, it is not repeated: from the next phase on ports are taken and files are there, by our own doing.

    With high availability the machine must also reach the cluster by the VIP, which every later phase uses.
    """

    name: ClassVar[str] = "EnsureJoinPhasePreflight"
    title: ClassVar[str] = "Check that the machine can join"
    attempts: ClassVar[int] = 2
    needs: ClassVar[tuple[Need, ...]] = (
        Need("EnsureKubeadmInitPhaseWaitControlPlane", On.FIRST),
        Need("EnsureKubeadmInitPhaseUploadConfig", On.FIRST),
        Need("EnsureKubeadmInitPhaseUploadCerts", On.FIRST),
        Need("EnsureKubeadmInitPhaseBootstrapToken", On.FIRST),
        Need("EnsureKeepalivedInit", On.FIRST),
        Need("EnsureThirdPartyHAInit", On.FIRST),
    )

    async def run(self, ctx: Context) -> None:
        if await stamps.read(ctx.node, STAMP) is not None:
            return
        await wait_for_advertised(ctx)
        asked = ctx.options.ignore_preflight
        ignored = ["all"] if "all" in asked else sorted({*IGNORED, *asked})
        await self.join(ctx, "preflight", f"--ignore-preflight-errors={','.join(ignored)}")
        await stamps.write(ctx.node, STAMP, "passed")

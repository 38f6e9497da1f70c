"""How long tasks usually take: seconds on three machines with two cores between them, where the waits are real.

Only what takes longer than a moment is named. A run corrects these figures by what it shows itself: see `eta`.
"""

from __future__ import annotations

MOMENT = 0.5
"""Seconds of a task that is not named below."""

SECONDS: dict[str, float] = {
    "Preflight": 2.4,
    "Load images": 20.0,
    "Setup local registry": 1.5,
    "Push images": 24.0,
    "EnsureDocker": 12.0,
    "EnsureNvidiaDriver": 60.0,
    "EnsureNvidiaContainerRuntime": 10.0,
    "EnsureKubernetesImages": 9.4,
    "EnsureKubelet": 4.6,
    "EnsureCNIPlugins": 1.4,
    "EnsureKubeadm": 1.1,
    "EnsureKubeadmInitPhaseCerts": 1.6,
    "EnsureKubeadmInitPhaseWaitControlPlane": 8.5,
    "EnsureKubeadmInitPhaseUploadConfig": 0.8,
    "EnsureGalaxy": 16.0,
    "EnsureJoinPhasePreflight": 14.4,
    "EnsureJoinPhaseControlPlanePrepare": 3.1,
    "EnsureJoinPhaseKubeletStart": 7.0,
    "EnsureJoinPhaseControlPlaneJoinETCD": 20.0,
    "EnsureJoinPhaseControlPlaneJoinUpdateStatus": 1.2,
    "EnsurePatchAnnotation": 3.5,
    "EnsureKeepalivedWithLB": 4.5,
    "EnsureNvidiaDevicePlugin": 10.0,
    "EnsureGPUManager": 15.0,
    "EnsureCSIOperator": 15.0,
    "EnsureMetricsServer": 22.0,
    "Install etcd": 1.4,
    "Prepare certificates": 1.5,
    "Prepare baremetal provider config": 2.2,
    "Install tke-auth-api": 11.4,
    "Install tke-auth-controller": 14.4,
    "Install tke audit": 16.5,
    "Install tke-platform-api": 15.0,
    "Install tke-platform-controller": 16.0,
    "Install tke-registry-api": 17.6,
    "Install tke-business-api": 13.0,
    "Install tke-business-controller": 8.0,
    "Install InfluxDB": 7.0,
    "Install tke-monitor-api": 9.0,
    "Install tke-monitor-controller": 9.0,
    "Install tke-notify-api": 17.0,
    "Install tke-notify-controller": 12.0,
    "Install tke-logagent-api": 12.0,
    "Install tke-logagent-controller": 7.0,
    "Prepare images before stop local registry": 5.0,
    "Stop local registry to give up 80/443 for tke-gateway": 1.0,
    "Install tke-gateway": 15.3,
    "Register tke api into global cluster": 3.0,
    "Import resource to TKE platform": 1.3,
    "Push images to registry": 59.0,
}


def typical(name: str) -> float:
    """Seconds that a step or handler of this name usually takes."""
    return SECONDS.get(name, MOMENT)

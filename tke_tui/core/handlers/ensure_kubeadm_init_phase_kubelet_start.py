"""EnsureKubeadmInitPhaseKubeletStart: kubelet's configuration and flags on the first machine, then its start."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.files import KUBELET_CONFIG, KUBELET_FLAGS
from tke_tui.core.kubeadm.phase import InitPhase, Phase
from tke_tui.core.task import Need


class EnsureKubeadmInitPhaseKubeletStart(InitPhase):
    name: ClassVar[str] = "EnsureKubeadmInitPhaseKubeletStart"
    title: ClassVar[str] = "Start kubelet with its configuration"
    needs: ClassVar[tuple[Need, ...]] = (Need("EnsureClusterComplete"),)
    phase: ClassVar[Phase] = Phase(
        ("kubelet-start",),
        "kubelet-start",
        parts.kubelet_start,
        products=(KUBELET_CONFIG, KUBELET_FLAGS),
    )

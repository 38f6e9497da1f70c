"""EnsureKubeadmInitPhaseControlPlane: the static pods of API server, controller manager and scheduler."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.files import CONTROL_PLANE, manifest
from tke_tui.core.kubeadm.phase import InitPhase, Phase


class EnsureKubeadmInitPhaseControlPlane(InitPhase):
    name: ClassVar[str] = "EnsureKubeadmInitPhaseControlPlane"
    title: ClassVar[str] = "Write the control plane's static pods"
    phase: ClassVar[Phase] = Phase(
        ("control-plane", "all"),
        "control-plane",
        parts.control_plane,
        products=tuple(manifest(component) for component in CONTROL_PLANE),
        patched=True,
    )

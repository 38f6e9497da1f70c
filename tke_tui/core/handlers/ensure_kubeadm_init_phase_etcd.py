"""EnsureKubeadmInitPhaseETCD: the static pod of the first etcd member."""

from __future__ import annotations

from typing import ClassVar

from tke_tui.core.kubeadm import parts
from tke_tui.core.kubeadm.files import manifest
from tke_tui.core.kubeadm.phase import InitPhase, Phase


class EnsureKubeadmInitPhaseETCD(InitPhase):
    name: ClassVar[str] = "EnsureKubeadmInitPhaseETCD"
    title: ClassVar[str] = "Write etcd's static pod"
    phase: ClassVar[Phase] = Phase(
        ("etcd", "local"),
        "etcd",
        parts.etcd,
        products=(manifest("etcd"),),
        patched=True,
    )

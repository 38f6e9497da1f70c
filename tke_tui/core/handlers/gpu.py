"""Which machines have an NVIDIA card that the cluster is to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara

LABEL, ENABLED = "nvidia-device-enable", "enable"


def has_gpu(machine: Machine) -> bool:
    """True when the machine is labelled `nvidia-device-enable=enable`."""
    return machine.labels.get(LABEL) == ENABLED


def gpu_machines(para: CreateClusterPara) -> list[Machine]:
    return [machine for machine in para.machines if has_gpu(machine)]


def no_gpu(para: CreateClusterPara) -> str | None:
    """Why GPU handlers are left out, None when they are not."""
    return None if gpu_machines(para) else f"no machine is labelled {LABEL}={ENABLED}"

"""When kubelet made the containers of static pods: it does so for another manifest, not for the same one anew."""

from __future__ import annotations

import hashlib

from tke_tui.core.kubeadm.files import manifest
from tke_tui.lab.machine import ModelMachine

DELAY = 0.002
"""Seconds from a manifest's time to its container's."""


def made_at(machine: ModelMachine, component: str) -> float:
    """When the present container of a component was made, in seconds of the epoch; its manifest must be there.

    Ask before a manifest is written over, too: a content that nobody has seen left no container behind.
    """
    path = machine.path(manifest(component))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    seen: dict[str, tuple[str, float]] = machine.facts.setdefault("static_pods", {})
    if component not in seen or seen[component][0] != digest:
        seen[component] = (digest, path.stat().st_mtime + DELAY)
    return seen[component][1]

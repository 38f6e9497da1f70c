"""The machine's connection tracking limit while the lab is up.

kube-proxy sets ``net.netfilter.nf_conntrack_max`` and ends when it may not, unless the value is already the one it
wants. Only the machine itself may write it: in a node's network namespace it is read-only, even for root.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.settings import Paths
from tests.lab.shell import say

_LIMIT = Path("/proc/sys/net/netfilter/nf_conntrack_max")
# Defaults of KubeProxyConfiguration: conntrack.maxPerCore and conntrack.min.
_PER_CORE = 32 * 1024
_LEAST = 128 * 1024


def wanted(cores: int) -> int:
    """The limit that kube-proxy with its default configuration sets on a machine with that many cores."""
    return max(_PER_CORE * cores, _LEAST)


def set_limit(paths: Paths, limit: Path = _LIMIT) -> None:
    """Set the machine's limit to what kube-proxy wants; the value before is kept for ``restore_limit``."""
    target = str(wanted(len(os.sched_getaffinity(0))))
    if not limit.exists() or limit.read_text().strip() == target:
        return
    before = _before(paths)
    if not before.exists():
        before.parent.mkdir(parents=True, exist_ok=True)
        before.write_text(limit.read_text().strip())
    limit.write_text(target)
    say(f"[nf_conntrack_max] {before.read_text()} -> {target}, as kube-proxy in the nodes wants it")


def restore_limit(paths: Paths, limit: Path = _LIMIT) -> None:
    """Give the machine its own limit back, if ``set_limit`` changed it."""
    before = _before(paths)
    if before.exists():
        limit.write_text(before.read_text())
        before.unlink()


def _before(paths: Paths) -> Path:
    return paths.run / "before-conntrack-max"

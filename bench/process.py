"""What a process says of itself: processor time and peak memory."""

from __future__ import annotations

import resource
from pathlib import Path


def cpu_seconds() -> float:
    """Processor time of this process and its threads so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_memory() -> float:
    """MiB. Not `ru_maxrss`, which a process inherits from the one that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status names no VmHWM")

"""The clocks of all machines and of the installer host agree.

Each machine is asked three times; the fastest answer counts, and its travel time is the uncertainty.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tke_tui.core.context import Context
from tke_tui.core.node import Node
from tke_tui.core.probes.finding import Finding, Probe

WARNING_SECONDS = 2.0
ERROR_SECONDS = 30.0
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Offset:
    """Seconds that a machine's clock is ahead of the installer's, plus or minus `uncertainty`."""

    seconds: float
    uncertainty: float


class TimeOffset(Probe):
    name: ClassVar[str] = "TimeOffset"

    async def findings(self, ctx: Context, nodes: Sequence[Node]) -> list[Finding]:
        offsets = await asyncio.gather(*(_measure(node) for node in nodes))
        clocks = {"": Offset(0.0, 0.0)} | {
            node.name: offset for node, offset in zip(nodes, offsets, strict=True) if offset is not None
        }
        return judge(self, [node.name for node in nodes], clocks)


def judge(probe: TimeOffset, nodes: Sequence[str], clocks: dict[str, Offset]) -> list[Finding]:
    """One finding per machine: how far its clock is certainly away from the clock it differs from most."""
    found = []
    for node in nodes:
        if node not in clocks:
            fix = "Look at `date` on the machine"
            found.append(probe.warning(node, "the time could not be read", fix))
            continue
        apart, other = max((_certainly_apart(clocks[node], clocks[name]), name) for name in clocks)
        fix = "Synchronise the clocks of all machines and of the installer host, e.g. with chrony"
        message = f"its clock and that of {other or 'the installer host'} are {apart:.1f} s apart"
        if apart > ERROR_SECONDS:
            found.append(probe.error(node, message, fix))
        elif apart > WARNING_SECONDS:
            found.append(probe.warning(node, message, fix))
        else:
            found.append(probe.ok(node, f"{clocks[node].seconds:+.2f} s"))
    return found


def _certainly_apart(one: Offset, other: Offset) -> float:
    return max(0.0, abs(one.seconds - other.seconds) - one.uncertainty - other.uncertainty)


async def _measure(node: Node) -> Offset | None:
    best: Offset | None = None
    for _ in range(SAMPLES):
        asked, started = time.time(), time.monotonic()
        answer = await node.read("date", "+%s.%N", check=False)
        half = (time.monotonic() - started) / 2
        try:
            remote = float(answer.stdout.strip())
        except ValueError:
            continue
        if best is None or half < best.uncertainty:
            best = Offset(remote - (asked + half), half)
    return best

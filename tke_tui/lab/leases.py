"""How kubelets of the embedded lab say that they live: by a Lease each, renewed for a while after each start.

A real one renews it every ten seconds for ever; nobody here asks for it but those who have just restarted kubelet.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from tke_tui.lab.kube.store import Store
from tke_tui.lab.machine import ModelMachine

PAUSES = (0.3, 0.7, 2.0, 5.0, 10.0)
"""Seconds between the renewals after a start."""
_NAMESPACE = "kube-node-lease"
_DURATION = 40


class Leases:
    """The leases in `store`. `runs` tells whether a machine's kubelet does."""

    def __init__(self, store: Store, runs: Callable[[ModelMachine], bool]) -> None:
        self._store = store
        self._runs = runs
        self._starts: dict[str, int] = {}
        self._renewing: dict[str, asyncio.Task[None]] = {}

    def look(self, machine: ModelMachine) -> None:
        """Begin to renew when kubelet was started since the last look."""
        starts = int(machine.facts.get("kubelet_starts", 0))
        if self._starts.get(machine.address) == starts:
            return
        self._starts[machine.address] = starts
        if former := self._renewing.pop(machine.address, None):
            former.cancel()
        self._renewing[machine.address] = asyncio.create_task(self._renew_for_a_while(machine))

    async def close(self) -> None:
        """Stop renewing."""
        for task in self._renewing.values():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._renewing.clear()

    async def _renew_for_a_while(self, machine: ModelMachine) -> None:
        for pause in PAUSES:
            await asyncio.sleep(pause)
            if not self._runs(machine):
                return
            self._renew(machine.address)

    def _renew(self, node: str) -> None:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": node, "leaseDurationSeconds": _DURATION, "renewTime": moment}
        version, kind = "coordination.k8s.io/v1", "Lease"
        lease = {"apiVersion": version, "kind": kind, "metadata": {"name": node, "namespace": _NAMESPACE}}
        self._store.write((version, kind, _NAMESPACE, node), {**lease, "spec": spec})

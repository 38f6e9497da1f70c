"""What the checks of some machines might find."""

from __future__ import annotations

from collections.abc import Sequence

from tke_tui.core.probes import PROBES, Finding
from tke_tui.core.probes.finding import NodeProbe


def findings(nodes: Sequence[str]) -> list[Finding]:
    """Every check on every machine, most of them well; the second machine has been used before."""
    found = [
        Finding(probe.name, node, "ok", "as it should be")
        for probe in PROBES
        for node in (nodes if isinstance(probe, NodeProbe) else ("",))
    ]
    used, last = nodes[1], nodes[-1]
    return [
        *(f for f in found if (f.check, f.node) not in {("Port", used), ("Swap", last), ("Firewall", last)}),
        Finding(
            "Port-6443", used, "error", "port 6443 is in use by kube-apiserver", "Stop what listens there"
        ),
        Finding("Port-2379", used, "error", "port 2379 is in use by etcd", "Stop what listens there"),
        Finding(
            "Firewall",
            last,
            "warning",
            "firewalld.service is active",
            "Run `systemctl disable --now firewalld.service`, or open 22, 80, 443, 6443",
        ),
    ]

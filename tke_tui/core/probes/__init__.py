"""Read-only checks before the first change: one file per topic, all of them listed here in the order of the report."""

from tke_tui.core.probes.finding import UNREACHABLE, Finding, Probe, Severity
from tke_tui.core.probes.known import is_known, known_checks
from tke_tui.core.probes.runner import PROBES, run_probes

__all__ = ["PROBES", "UNREACHABLE", "Finding", "Probe", "Severity", "is_known", "known_checks", "run_probes"]

"""Everything that can be said about an input without touching a network or a machine, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.findings import Finding, Findings
from tke_tui.core.model.load import Loaded
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.rules import RULES
from tke_tui.core.model.rules.base import Scope

__all__ = ["Finding", "Report", "validate"]


@dataclass(frozen=True, slots=True)
class Report:
    """Errors forbid the installation, warnings do not. Both in the order of the input's topics."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.errors


def validate(
    para: CreateClusterPara,
    *,
    kubernetes_versions: Sequence[str],
    source: Loaded | None = None,
    step_names: Sequence[str] = (),
    handler_names: Sequence[str] = (),
    now: datetime | None = None,
) -> Report:
    """Apply every rule to `para`, with or without defaults filled in; `para` is not changed.

    `kubernetes_versions`: those of the bundle; empty when there is no bundle, then any version passes. `source`: the
    file the input came from: its findings are included, paths become those of the file. `step_names` and
    `handler_names`: when given, names to skip are checked against them. `now`: for validity periods, aware; default
    is the present.
    """
    findings = Findings()
    scope = Scope(
        para=apply_defaults(para, kubernetes_versions),
        given=para,
        findings=findings,
        kubernetes_versions=tuple(kubernetes_versions),
        step_names=tuple(step_names),
        handler_names=tuple(handler_names),
        now=now or datetime.now(UTC),
    )
    for rule in RULES:
        rule(scope)
    found = findings.items
    if source is not None:
        # A value of a wrong type was left out on loading: that it is missing need not be said as well.
        reported = {f.path for f in source.errors}
        found = [f.at(source.user_path(f.path)) for f in found]
        found = [*source.findings, *(f for f in found if f.path not in reported)]
    unique = tuple(dict.fromkeys(found))
    return Report(
        errors=tuple(f for f in unique if f.is_error), warnings=tuple(f for f in unique if not f.is_error)
    )

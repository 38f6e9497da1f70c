"""Preflight: every check on every machine before the first change, all problems in one report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import PreflightFailed, TkeError, Unreachable
from tke_tui.core.paths import write_private
from tke_tui.core.probes import UNREACHABLE, Finding, run_probes
from tke_tui.core.task import Scope, Task

if TYPE_CHECKING:
    from tke_tui.core.bundle import Bundle
    from tke_tui.core.model.machine import Machine
    from tke_tui.core.model.para import CreateClusterPara


class Preflight(Task):
    """Changes nothing on any machine; the findings are kept as JSON in the installation directory.

    A dry run reports problems but goes on, so that the whole plan is seen.
    """

    name: ClassVar[str] = "Preflight"
    title: ClassVar[str] = "Check the machines"
    scope: ClassVar[Scope] = Scope.CLUSTER
    attempts: ClassVar[int] = 1
    logins: ClassVar[bool] = True

    def inputs(self, para: CreateClusterPara, bundle: Bundle, machine: Machine | None) -> Any:
        spec = para.cluster.spec
        return [
            [[m.ip, m.labels] for m in para.machines],
            [spec.cluster_cidr, spec.service_cidr, spec.network_device, para.vip],
            [bool(spec.features.ipvs), spec.docker_extra_args.get("data-root", "")],
            [para.registry_prefix, para.config.gateway is not None, bundle.manifest.architectures],
        ]

    async def check(self, ctx: Context) -> bool:
        """Never done in advance: a check that went well yesterday says nothing about today."""
        return False

    async def run(self, ctx: Context) -> None:
        findings = await run_probes(ctx)
        for finding in findings:
            if finding.severity != "ok":
                ctx.log(finding.line)
        if ctx.mode is Mode.RUN:
            document = [finding.as_dict() for finding in findings]
            write_private(ctx.directory.preflight, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        error = verdict(findings)
        if error is not None and ctx.mode is not Mode.PLAN:
            raise error


def verdict(findings: Sequence[Finding]) -> TkeError | None:
    """The error that an installation stops with: `Unreachable` before `PreflightFailed`; None when nothing is wrong."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return None
    detail = "\n".join(finding.line for finding in errors)
    lost = list(dict.fromkeys(finding.node for finding in errors if finding.check == UNREACHABLE))
    if lost:
        return Unreachable(
            f"{len(lost)} machine(s) cannot be reached: {', '.join(filter(None, lost)) or 'connection lost'}",
            detail=detail,
            fix="Correct address, port, login and network; then run it again.",
        )
    return PreflightFailed(
        f"{len(errors)} preflight check(s) failed",
        detail=detail,
        fix="Correct each line, or accept a check by its name with --ignore-preflight NAME; then run it again.",
    )

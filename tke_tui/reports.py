"""Texts that the command prints: findings, plans, preflight results, bundles, the end of a run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tke_tui.core.bundle import Bundle, Manifest
from tke_tui.core.engine import RunResult
from tke_tui.core.errors import BundleError, TkeError
from tke_tui.core.graph import Graph, PlannedTask
from tke_tui.core.installation import Installation
from tke_tui.core.model.findings import Finding
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.result import Result
from tke_tui.core.simulated import NOTE, simulated_input
from tke_tui.core.state import name_and_node

if TYPE_CHECKING:
    from tke_tui.core.operation import Operation
    from tke_tui.core.probes import Finding as ProbeFinding


SHOWN = 20
"""Failures that are printed in full at the end of a run."""


def findings_text(findings: Iterable[Finding]) -> str:
    """Errors first, each on its own lines with its fix."""
    ordered = sorted(findings, key=lambda finding: not finding.is_error)
    return "\n".join(str(finding) for finding in ordered)


def plan_text(graph: Graph, para: CreateClusterPara) -> str:
    """Steps and handlers in order, where each runs, and what is left out and why; lines of at most 80 columns."""
    by_step: dict[str, dict[str, list[PlannedTask]]] = {}
    for planned in graph:
        by_step.setdefault(planned.step, {}).setdefault(planned.task.name, []).append(planned)
    machines = [str(machine.ip) for machine in para.machines]
    lines = [f"{len(machines)} machine(s): {_few(machines)}"]
    for number, (step, entries) in enumerate(by_step.items(), start=1):
        own = entries.pop(step, [])
        lines.append(_wrapped(f"{number:>2}. ", f"{step}{_left_out(own)}"))
        for position, (name, tasks) in enumerate(entries.items(), start=1):
            where = _left_out(tasks) or f"  on {_where([t.node for t in tasks if t.node], machines)}"
            lines.append(_wrapped(f"    {position:>2}. ", name + where))
    total = len(graph.included)
    lines.append(f"{total} tasks to run, {len(graph.tasks) - total} left out")
    return "\n".join(lines)


def _left_out(tasks: list[PlannedTask]) -> str:
    reason = next((task.left_out for task in tasks if task.left_out), "")
    return f"  skipped: {reason}" if reason else ""


def _where(nodes: list[str], machines: list[str]) -> str:
    if not nodes:
        return "the cluster"
    if len(machines) > 1 and nodes == machines:
        return "all machines"
    if len(machines) > 2 and nodes == machines[1:]:
        return "all but the first"
    return _few(nodes)


def _few(nodes: list[str]) -> str:
    return ", ".join(nodes) if len(nodes) <= 3 else f"{', '.join(nodes[:3])} and {len(nodes) - 3} more"


def _wrapped(start: str, text: str) -> str:
    return textwrap.fill(
        text,
        80,
        initial_indent=start,
        subsequent_indent=" " * (len(start) + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def preflight_text(findings: Iterable[ProbeFinding]) -> str:
    """One line per check that is not simply fine, grouped by machine, then a count."""
    findings = list(findings)
    lines: list[str] = []
    for node in dict.fromkeys(finding.node for finding in findings):
        mine = [finding for finding in findings if finding.node == node]
        lines.append(f"{node or 'all machines'}: {sum(f.severity == 'ok' for f in mine)} checks ok")
        for finding in mine:
            if finding.severity != "ok":
                lines.append(f"  {finding.severity} {finding.check}: {finding.message}")
                if finding.fix:
                    lines.append(f"    fix: {finding.fix}")
    counts = {
        severity: sum(f.severity == severity for f in findings)
        for severity in ("error", "warning", "ignored")
    }
    lines.append(", ".join(f"{count} {severity}(s)" for severity, count in counts.items()))
    return "\n".join(lines)


def failure_text(installation: Installation | Operation, result: RunResult, *, again: str = "") -> str:
    """Every failure with cause, evidence and remedy, then how to go on: by `again`, or by a resume."""
    redact = installation.secrets.redact
    blocks: list[str] = []
    for task, error in result.errors[:SHOWN]:
        name, node = name_and_node(task)
        log = installation.directory.node_log(node)
        blocks.append(
            redact(f"{name}{f' on {node}' if node else ''} failed\n{_indented(error)}\n  log: {log}")
        )
    if len(result.errors) > SHOWN:
        blocks.append(f"... and {len(result.errors) - SHOWN} more failed: tke-tui status --all")
    resume = again or f"tke-tui --resume --dir {installation.directory.root}"
    if result.status == "cancelled":
        blocks.append("Stopped. Nothing is lost.")
    blocks.append(f"Continue with: {resume}")
    if simulated_input(installation.directory.para):
        blocks.append(NOTE)
    return "\n\n".join(blocks)


def _indented(error: TkeError) -> str:
    return textwrap.indent(str(error), "  ")


def success_text(installation: Installation) -> str:
    """What there is now and what to type next."""
    result = Result.of(installation.para, installation.directory)
    command = f"tke-tui result --reveal-password --dir {installation.directory.root}"
    lines = [result_text(result), f"password: {command}"]
    return "\n".join([*lines, NOTE] if result.simulated else lines)


def result_text(result: Result) -> str:
    """Where the platform is and how to reach it; nothing secret."""
    lines = [NOTE] if result.simulated else []
    lines += [f"console: {result.url}"] if result.url else []
    lines += [f"user: {result.username}", f"machines: {', '.join(result.servers)}"]
    if result.hosts:
        lines += ["Enter these lines in the hosts file of everybody who uses it:"]
        lines += [f"  {line}" for line in result.hosts_lines()]
    lines += [
        f"kubeconfig: {result.kubeconfig_path}",
        f"next: kubectl --kubeconfig {result.kubeconfig_path} get nodes -o wide",
    ]
    return "\n".join(lines)


def bundle_text(manifest: Manifest) -> str:
    """What a bundle offers, one thing per line."""
    lines = [f"TKE {manifest.version} for {', '.join(manifest.architectures)}"]
    for release in manifest.kubernetes:
        lines.append(f"kubernetes {release.version}  etcd {release.etcd}  coredns {release.coredns}")
    for name, version in sorted(manifest.packages.items()):
        lines.append(f"package {name} {version if isinstance(version, str) else ', '.join(version)}")
    lines.extend(f"image {image}" for image in manifest.contents)
    return "\n".join(lines)


def bundle_problems(bundle: Bundle) -> None:
    """Raise `BundleError` naming every file that does not match the manifest."""
    problems = [f"{path}: {problem}" for path, problem in bundle.verify()]
    if problems:
        raise BundleError(
            f"The bundle {bundle.root} is damaged",
            detail="\n".join(problems),
            fix="Copy or download it again.",
        )

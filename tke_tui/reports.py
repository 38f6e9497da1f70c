"""Texts that the command prints: findings, plans, preflight results, status, the end of a run."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tke_tui.core.bundle import Bundle
from tke_tui.core.engine import RunResult
from tke_tui.core.errors import BundleError, TkeError
from tke_tui.core.graph import Graph, PlannedTask
from tke_tui.core.installation import Installation, has_installation
from tke_tui.core.journal import read_events
from tke_tui.core.model.findings import Finding
from tke_tui.core.paths import InstallDir
from tke_tui.core.state import RunState, name_and_node, restore

if TYPE_CHECKING:
    from tke_tui.core.probes import Finding as ProbeFinding


def findings_text(findings: Iterable[Finding]) -> str:
    """Errors first, each on its own lines with its fix."""
    ordered = sorted(findings, key=lambda finding: not finding.is_error)
    return "\n".join(str(finding) for finding in ordered)


def plan_text(graph: Graph) -> str:
    """Steps and handlers in order, the machines of each, and what is left out and why."""
    rows: dict[tuple[str, str], list[PlannedTask]] = {}
    for planned in graph:
        rows.setdefault((planned.step, planned.task.name), []).append(planned)
    by_step: dict[str, list[tuple[str, list[PlannedTask]]]] = {}
    for (step, name), tasks in rows.items():
        by_step.setdefault(step, []).append((name, tasks))
    lines: list[str] = []
    for number, (step, entries) in enumerate(by_step.items(), start=1):
        own = next((tasks for name, tasks in entries if name == step), [])
        lines.append(f"{number:>2}. {step}{_left_out(own)}")
        handlers = [(name, tasks) for name, tasks in entries if name != step]
        for position, (name, tasks) in enumerate(handlers, start=1):
            where = ", ".join(task.node for task in tasks if task.node) or "the cluster"
            left_out = _left_out(tasks)
            lines.append(f"    {position:>2}. {name}{left_out or f'  on {where}'}")
    total = len(graph.included)
    lines.append(f"{total} tasks to run, {len(graph.tasks) - total} left out")
    return "\n".join(lines)


def _left_out(tasks: list[PlannedTask]) -> str:
    reason = next((task.left_out for task in tasks if task.left_out), "")
    return f"  skipped: {reason}" if reason else ""


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


def status_text(directory: InstallDir) -> str:
    """How far an installation is, from its journal alone."""
    if not has_installation(directory):
        return f"There is no installation in {directory.root}."
    state = restore(RunState.load(directory.state), read_events(directory.journal))
    words = {"unknown": "not started", "doing": "running, or interrupted"}
    lines = [f"{directory.root}: {words.get(state.status, state.status)}"]
    for task, record in state.tasks.items():
        name, node = name_and_node(task)
        where = f"[{node}] " if node else ""
        started = time.strftime("%H:%M:%S", time.localtime(record.started))
        tail = f": {record.title}" if record.title else ""
        lines.append(f"{started} {where}{name} {record.status} {record.seconds:.1f} s{tail}")
    return "\n".join(lines)


def failure_text(installation: Installation, result: RunResult) -> str:
    """Every failure with cause, evidence and remedy, then how to go on."""
    redact = installation.secrets.redact
    blocks: list[str] = []
    for task, error in result.errors:
        name, node = name_and_node(task)
        log = installation.directory.node_log(node)
        blocks.append(
            redact(f"{name}{f' on {node}' if node else ''} failed\n{_indented(error)}\n  log: {log}")
        )
    resume = f"tke-tui --resume --dir {installation.directory.root}"
    if result.status == "cancelled":
        blocks.append("Stopped. Nothing is lost.")
    blocks.append(f"Continue with: {resume}")
    return "\n\n".join(blocks)


def _indented(error: TkeError) -> str:
    return textwrap.indent(str(error), "  ")


def success_text(installation: Installation) -> str:
    """What there is now and what to type next."""
    kubeconfig = installation.directory.kubeconfig
    host, port = installation.para.advertise or (str(installation.para.first.ip), 6443)
    return "\n".join(
        (
            f"The cluster {installation.para.cluster.metadata.name} is ready: https://{host}:{port}",
            f"kubeconfig: {kubeconfig}",
            f"next: kubectl --kubeconfig {kubeconfig} get nodes -o wide",
        )
    )


def bundle_problems(bundle: Bundle) -> None:
    """Raise `BundleError` naming every file that does not match the manifest."""
    problems = [f"{path}: {problem}" for path, problem in bundle.verify()]
    if problems:
        raise BundleError(
            f"The bundle {bundle.root} is damaged",
            detail="\n".join(problems),
            fix="Copy or download it again.",
        )

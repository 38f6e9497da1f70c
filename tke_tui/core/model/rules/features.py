"""Features: GPU, files and hooks, CSI operator, authorization webhook, names of what is skipped."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from tke_tui.core.model.findings import Findings
from tke_tui.core.model.rules.base import Scope, check_address, check_port

GPU_TYPES = ("Physical", "Virtual")
HOOKS = ("PreInstall", "PostInstall")
CSI_OPERATOR_VERSIONS = ("v1.0.2",)

_FEATURES = "cluster.spec.features"


def check_features(scope: Scope) -> None:
    features, findings = scope.para.cluster.spec.features, scope.findings
    if features.gpu_type and features.gpu_type not in GPU_TYPES:
        findings.error(
            f"{_FEATURES}.gpuType", features.gpu_type, "no GPU type", "Use Physical or Virtual, or remove it."
        )
    csi = features.csi_operator
    if csi is not None and csi.version not in CSI_OPERATOR_VERSIONS:
        findings.error(
            f"{_FEATURES}.csiOperator.version",
            csi.version,
            "this version of the CSI operator is not supported",
            f"Use {', '.join(CSI_OPERATOR_VERSIONS)}.",
        )
    _files(scope)
    _hooks(scope)
    _webhook(scope)
    _names(findings, "Config.skipSteps", scope.para.config.skip_steps, scope.step_names, "step")
    _names(
        findings,
        f"{_FEATURES}.skipConditions",
        features.skip_conditions,
        scope.handler_names,
        "cluster handler",
    )


def _files(scope: Scope) -> None:
    seen: dict[str, int] = {}
    for index, file in enumerate(scope.para.cluster.spec.features.files):
        path = f"{_FEATURES}.files[{index}]"
        if not file.src:
            scope.findings.error(f"{path}.src", None, "the source is missing", "Name a file of this host.")
        elif not _is_file(file.src):
            scope.findings.error(
                f"{path}.src",
                file.src,
                "no regular file on this host",
                "Check the path on the installer host.",
            )
        if not file.dst.startswith("/") or file.dst.endswith("/"):
            scope.findings.error(
                f"{path}.dst", file.dst, "not the absolute path of a file", "Name the file on the machines."
            )
        elif seen.setdefault(file.dst, index) != index:
            scope.findings.error(
                f"{path}.dst", file.dst, f"also written by files[{seen[file.dst]}]", "Remove one of them."
            )


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _hooks(scope: Scope) -> None:
    features = scope.para.cluster.spec.features
    copied = {file.dst for file in features.files}
    for name, command in features.hooks.items():
        path = f"{_FEATURES}.hooks.{name}"
        if name not in HOOKS:
            scope.findings.error(path, name, "no hook has this name", "Use PreInstall or PostInstall.")
        program = next(iter(command.split()), "")
        if program not in copied:
            scope.findings.error(
                path,
                command,
                "its first word is not the dst of any entry of files",
                "Copy the program to the machines with an entry in cluster.spec.features.files.",
            )


def _webhook(scope: Scope) -> None:
    webhook = scope.para.cluster.spec.features.authz_webhook_addr
    if webhook is None:
        return
    path = f"{_FEATURES}.authzWebhookAddr"
    if (webhook.builtin is None) == (webhook.external is None):
        scope.findings.error(path, None, "needs one of builtin and external", "Give exactly one of the two.")
    if webhook.external is not None:
        check_address(scope.findings, f"{path}.external.ip", webhook.external.ip, "the address")
        check_port(scope.findings, f"{path}.external.port", webhook.external.port)


def _names(findings: Findings, path: str, given: Sequence[str], known: Sequence[str], what: str) -> None:
    for index, name in enumerate(given):
        if known and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            findings.warning(
                f"{path}[{index}]",
                name,
                f"no {what} has this name, so nothing is skipped",
                f"Write {close[0]!r} if that is meant." if close else "Remove it.",
            )

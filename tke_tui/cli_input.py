"""What the command line names, read and checked: documents, bundles, directories."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tke_tui.cli_options import HostKeys
from tke_tui.core.adapters.ssh_types import HostKeyPolicy
from tke_tui.core.bundle import Bundle
from tke_tui.core.errors import UsageError
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.validate import Report
from tke_tui.core.model.validate import validate as validate_para
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.core.plan import handler_names, step_names
from tke_tui.passphrase import passphrase as passphrase
from tke_tui.reports import findings_text
from tke_tui.terminal import complain


def read_input(
    path: Path, versions: tuple[str, ...], *, show: Callable[[str], object] = complain
) -> CreateClusterPara:
    """Load and validate; findings go to `show`, errors raise `UsageError` after all of them are printed."""
    loaded = load_para(path)
    if loaded.para is None:
        report = Report(tuple(loaded.errors), tuple(loaded.warnings))
    else:
        report = validate_para(
            loaded.para,
            kubernetes_versions=versions,
            source=loaded,
            step_names=step_names(),
            handler_names=handler_names(),
        )
    findings = [*report.errors, *report.warnings]
    if findings:
        show(findings_text(findings))
    if report.errors or loaded.para is None:
        raise UsageError(
            f"{path} has {len(report.errors)} error(s)",
            fix="Correct them; check again with: tke-tui validate -c FILE",
        )
    return loaded.para


def install_dir(directory: Path | None) -> InstallDir:
    """The directory that was given, or the default one."""
    return InstallDir((directory or default_directory()).absolute())


def versions(bundle: Path | None) -> tuple[str, ...]:
    """The Kubernetes versions of a bundle; none without one. Raises `BundleError`."""
    return () if bundle is None else Bundle.open(bundle).versions


def require_file(ssh_config: Path | None) -> None:
    """Raises `UsageError` when the file was given and cannot be read."""
    if ssh_config is not None and not os.access(ssh_config, os.R_OK):
        raise UsageError(
            f"{ssh_config} cannot be read",
            detail="it was given as --ssh-config",
            fix="Correct the path, or leave the option out.",
        )


def require_bundle(bundle: Path | None) -> Path:
    """The absolute path of the bundle. Raises `UsageError` when none was given."""
    if bundle is None:
        raise UsageError(
            "No bundle",
            detail="the Kubernetes packages and images come from an offline bundle",
            fix="Name its directory with --bundle DIR or the environment variable TKE_TUI_BUNDLE.",
        )
    return bundle.absolute()


def policy(chosen: HostKeys | None) -> HostKeyPolicy:
    """What was chosen; else ask where there is somebody to answer."""
    if chosen is not None:
        return chosen.value
    return "ask" if sys.stdin is not None and sys.stdin.isatty() else "strict"

"""What the sub-commands do. Apart from the command line, which starts fast because it imports this only when needed."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tke_tui import cli_input as given
from tke_tui.cli_options import HostKeys
from tke_tui.core import installation as installations
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Options
from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import UsageError
from tke_tui.core.installation import Installation
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.core.plan import build_plan
from tke_tui.core.run_settings import RunSettings, saved_bundle, with_options
from tke_tui.host_key_prompt import ask_on_terminal
from tke_tui.reports import bundle_problems, bundle_text, plan_text, preflight_text, result_text
from tke_tui.running import run_stoppable, stop_on_signals
from tke_tui.status import log_file, status_text
from tke_tui.terminal import complain, say


@dataclass(frozen=True, slots=True)
class InstallChoices:
    """The options of `install`; None means that nothing was said."""

    directory: Path | None = None
    config: Path | None = None
    bundle: Path | None = None
    resume: bool = False
    force: bool = False
    ignore_preflight: list[str] | None = None
    host_key_policy: HostKeys | None = None
    ssh_config: Path | None = None
    replicas: int | None = None
    sync_projects_with_namespaces: bool | None = None
    hosts_file: Path | None = None


def prepare_installation(choices: InstallChoices) -> Installation:
    """Make or find the installation that is meant, with its input checked and its settings saved.

    Raises `TkeError` with every reason why there is none to run.
    """
    place = given.install_dir(choices.directory)
    passphrase = given.passphrase()
    given.require_file(choices.ssh_config)
    if choices.resume and choices.force:
        raise UsageError(
            "--resume and --force exclude each other",
            detail="--resume goes on where it stopped, --force begins at the first step",
            fix="Leave one of them out.",
        )
    policy = given.policy(choices.host_key_policy)
    if choices.resume:
        para = None
        if choices.config is not None and installations.has_installation(place):
            versions = given.versions(choices.bundle or saved_bundle(place))
            para = given.read_input(choices.config, versions)
        bundle = choices.bundle
        defaults = None if bundle is None else RunSettings(bundle.absolute(), host_key_policy=policy)
        return installations.resume(
            place,
            passphrase=passphrase,
            para=para,
            change_settings=lambda settings: _changed(settings, choices),
            defaults=defaults,
        )
    if choices.config is None:
        raise UsageError(
            "No input document", fix="Name it with -c FILE, or continue an installation with --resume."
        )
    bundle = given.require_bundle(choices.bundle)
    para = given.read_input(choices.config, Bundle.open(bundle).versions)
    settings = _changed(RunSettings(bundle, host_key_policy=policy), choices)
    return installations.create(place, para, settings, passphrase=passphrase, force=choices.force)


def _changed(settings: RunSettings, choices: InstallChoices) -> RunSettings:
    if choices.bundle is not None:
        settings = replace(settings, bundle=choices.bundle.absolute())
    if choices.host_key_policy is not None:
        settings = replace(settings, host_key_policy=choices.host_key_policy.value)
    if choices.ssh_config is not None:
        settings = replace(settings, ssh_config=choices.ssh_config.absolute())
    ignored = choices.ignore_preflight
    changes: dict[str, Any] = {
        "ignore_preflight": frozenset(ignored) if ignored else None,
        "replicas": choices.replicas,
        "sync_projects_with_namespaces": choices.sync_projects_with_namespaces,
        "hosts_file": choices.hosts_file,
    }
    return with_options(settings, **changes)


def validate(config: Path, bundle: Path | None) -> None:
    given.read_input(config, given.versions(bundle), show=say)
    say(f"{config}: valid")


def plan(config: Path, bundle: Path | None) -> None:
    versions = given.versions(bundle)
    para = apply_defaults(given.read_input(config, versions), versions)
    say(plan_text(build_plan(para), para))


def preflight(
    config: Path,
    bundle: Path | None,
    ignore_preflight: list[str] | None,
    host_key_policy: HostKeys | None,
    ssh_config: Path | None,
) -> int:
    """The exit code: 0 when every check is fine."""
    from tke_tui.core.preflight import run_preflight

    given.require_file(ssh_config)
    bundle_path = given.require_bundle(bundle)
    para = given.read_input(config, Bundle.open(bundle_path).versions)
    # A signal must not leave the directory behind: the input's secrets are in it.
    stop_on_signals()
    with contextlib.ExitStack() as stack:
        with usable(Path(tempfile.gettempdir())):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tke-tui-preflight-"))
        settings = RunSettings(
            bundle_path,
            Options(ignore_preflight=frozenset(ignore_preflight or ())),
            host_key_policy=given.policy(host_key_policy),
            ssh_config=ssh_config,
        )
        installation = installations.create(InstallDir(Path(scratch) / "run"), para, settings)
        work = run_preflight(installation, known_hosts=_preflight_known_hosts(), ask_host_key=ask_on_terminal)
        findings, error = run_stoppable(work)
    redact = installation.secrets.redact
    say(redact(preflight_text(findings)))
    if error is None:
        return 0
    complain(redact(f"error: {error.title}"))
    return int(error.exit_code)


def _preflight_known_hosts() -> Path:
    """Host keys of machines that were only looked at; an installation keeps its own."""
    place = default_directory().parent
    with usable(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place / "known_hosts"


def status(directory: Path | None, *, every: bool) -> None:
    place = given.install_dir(directory)
    with usable(place.root):
        text = status_text(place, every=every)
    say(text)


def result(directory: Path | None, *, reveal_password: bool) -> None:
    place = given.install_dir(directory)
    with usable(place.root):
        found = installations.read_result(place, passphrase=given.passphrase())
    say(result_text(found))
    if reveal_password:
        say(f"password: {found.reveal_password()}")


def logs(directory: Path | None, node: str | None) -> None:
    place = given.install_dir(directory)
    with usable(place.root), log_file(place, node or "").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not say(line.rstrip("\n")):
                return


def bundle_verify(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    bundle_problems(opened)
    say(f"{bundle}: {len(opened.manifest.files)} files verified, TKE {opened.manifest.version}")


def bundle_list(bundle: Path) -> None:
    say(bundle_text(Bundle.open(bundle).manifest))

"""The `tke-tui` command: every sub-command parses, calls core, prints. Exit codes: docs/exit-codes.md."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from tke_tui import __version__
from tke_tui import cli_input as given
from tke_tui import cli_options as opt
from tke_tui.cli_cluster import certs_app, cluster_app
from tke_tui.cli_lab import lab
from tke_tui.cli_options import HostKeys, Output
from tke_tui.core import installation as installations
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Options
from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import ExitCode, TkeError, UsageError
from tke_tui.core.installation import RunSettings
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.core.plan import build_plan
from tke_tui.host_key_prompt import ask_on_terminal
from tke_tui.reports import bundle_problems, bundle_text, plan_text, preflight_text, result_text
from tke_tui.running import run, run_stoppable, stop_on_signals
from tke_tui.status import log_file, status_text
from tke_tui.terminal import complain, prepare, say

app = typer.Typer(
    name="tke-tui",
    add_completion=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Turn bare Linux machines into a TKEStack platform.",
)
bundle_app = typer.Typer(
    help="Look into an offline bundle.", rich_markup_mode=None, pretty_exceptions_enable=False
)
app.add_typer(bundle_app, name="bundle")
app.add_typer(certs_app, name="certs")
app.add_typer(cluster_app, name="cluster")
app.command()(lab)

_Problem: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for a wrong command line; only this subclass of it has a public name in all its versions."""


@dataclass(frozen=True, slots=True)
class Before:
    """Options that were given before the sub-command."""

    resume: bool = False
    directory: Path | None = None


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    resume: opt.Resume = False,
    directory: opt.Directory = None,
    version: bool = typer.Option(False, "-V", "--version", help="Print the version."),
) -> None:
    context.obj = Before(resume, directory)
    if version:
        say(f"tke-tui {__version__}")
        raise typer.Exit(0)
    if resume and context.invoked_subcommand not in (None, "install"):
        raise typer.BadParameter(f"--resume has no meaning for {context.invoked_subcommand}")
    if context.invoked_subcommand is not None:
        return
    if resume:
        _install(resume=True, directory=directory)
    elif directory is not None:
        raise typer.BadParameter("--dir needs --resume or a command after it")
    else:
        say(context.get_help())


@app.command()
def install(
    context: typer.Context,
    config: opt.MaybeConfig = None,
    directory: opt.Directory = None,
    bundle: opt.BundleDir = None,
    resume: opt.Resume = False,
    force: opt.Force = False,
    ignore_preflight: opt.IgnorePreflight = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
    replicas: opt.Replicas = None,
    sync_projects_with_namespaces: opt.SyncProjects = None,
    hosts_file: opt.HostsFile = None,
    no_ui: opt.NoUi = True,
    plain: opt.Plain = False,
    output: opt.OutputForm = Output.PLAIN,
    verbose: opt.Verbose = False,
) -> None:
    """Install a cluster from an input document, or continue an installation."""
    before: Before = context.obj
    _install(
        config=config,
        directory=directory or before.directory,
        bundle=bundle,
        resume=resume or before.resume,
        force=force,
        ignore_preflight=ignore_preflight,
        host_key_policy=host_key_policy,
        ssh_config=ssh_config,
        replicas=replicas,
        sync_projects_with_namespaces=sync_projects_with_namespaces,
        hosts_file=hosts_file,
        output=output,
        verbose=verbose,
    )


@app.command()
def validate(config: opt.Config, bundle: opt.BundleDir = None) -> None:
    """Check an input document without touching any machine; every problem at once."""
    given.read_input(config, given.versions(bundle), show=say)
    say(f"{config}: valid")


@app.command()
def plan(config: opt.Config, bundle: opt.BundleDir = None) -> None:
    """Show steps, handlers and machines in order, and what is left out and why."""
    versions = given.versions(bundle)
    para = apply_defaults(given.read_input(config, versions), versions)
    say(plan_text(build_plan(para), para))


@app.command()
def preflight(
    config: opt.Config,
    bundle: opt.BundleDir = None,
    ignore_preflight: opt.IgnorePreflight = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
) -> None:
    """Run every check on every machine, read-only, and print the results."""
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
    if error is not None:
        complain(redact(f"error: {error.title}"))
        raise typer.Exit(int(error.exit_code))


def _preflight_known_hosts() -> Path:
    """Host keys of machines that were only looked at; an installation keeps its own."""
    place = default_directory().parent
    with usable(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place / "known_hosts"


@app.command()
def status(
    context: typer.Context,
    directory: opt.Directory = None,
    every: opt.All = False,
) -> None:
    """Show how far the installation in --dir is; works beside a running engine."""
    place = given.install_dir(directory or context.obj.directory)
    with usable(place.root):
        text = status_text(place, every=every)
    say(text)


@app.command()
def result(
    context: typer.Context,
    directory: opt.Directory = None,
    reveal_password: opt.RevealPassword = False,
) -> None:
    """Show where the platform is, whom it knows, and which names to enter in a hosts file."""
    place = given.install_dir(directory or context.obj.directory)
    with usable(place.root):
        found = installations.read_result(place, passphrase=given.passphrase())
    say(result_text(found))
    if reveal_password:
        say(f"password: {found.reveal_password()}")


@app.command()
def logs(context: typer.Context, node: opt.NodeName = None, directory: opt.Directory = None) -> None:
    """Print the log of a machine, or of the installer itself."""
    place = given.install_dir(directory or context.obj.directory)
    with usable(place.root), log_file(place, node or "").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not say(line.rstrip("\n")):
                return


@bundle_app.command("verify")
def bundle_verify(bundle: opt.BundleArgument) -> None:
    """Check every file of a bundle against the checksums of its manifest."""
    opened = Bundle.open(bundle)
    bundle_problems(opened)
    say(f"{bundle}: {len(opened.manifest.files)} files verified, TKE {opened.manifest.version}")


@bundle_app.command("list")
def bundle_list(bundle: opt.BundleArgument) -> None:
    """List the Kubernetes versions, packages and images of a bundle."""
    say(bundle_text(Bundle.open(bundle).manifest))


def _install(
    *,
    config: Path | None = None,
    directory: Path | None = None,
    bundle: Path | None = None,
    resume: bool = False,
    force: bool = False,
    ignore_preflight: list[str] | None = None,
    host_key_policy: HostKeys | None = None,
    ssh_config: Path | None = None,
    replicas: int | None = None,
    sync_projects_with_namespaces: bool | None = None,
    hosts_file: Path | None = None,
    output: Output = Output.PLAIN,
    verbose: bool = False,
) -> None:
    place = given.install_dir(directory)
    passphrase = given.passphrase()
    given.require_file(ssh_config)
    chosen: dict[str, Any] = {
        "ignore_preflight": frozenset(ignore_preflight) if ignore_preflight else None,
        "replicas": replicas,
        "sync_projects_with_namespaces": sync_projects_with_namespaces,
        "hosts_file": hosts_file,
    }

    def change(settings: RunSettings) -> RunSettings:
        if bundle is not None:
            settings = replace(settings, bundle=bundle.absolute())
        if host_key_policy is not None:
            settings = replace(settings, host_key_policy=host_key_policy.value)
        if ssh_config is not None:
            settings = replace(settings, ssh_config=ssh_config.absolute())
        return installations.with_options(settings, **chosen)

    if resume and force:
        raise UsageError(
            "--resume and --force exclude each other",
            detail="--resume goes on where it stopped, --force begins at the first step",
            fix="Leave one of them out.",
        )
    policy = given.policy(host_key_policy)
    if resume:
        para = None
        if config is not None and installations.has_installation(place):
            para = given.read_input(config, given.versions(bundle or installations.saved_bundle(place)))
        defaults = None if bundle is None else RunSettings(bundle.absolute(), host_key_policy=policy)
        installation = installations.resume(
            place, passphrase=passphrase, para=para, change_settings=change, defaults=defaults
        )
    else:
        if config is None:
            raise UsageError(
                "No input document", fix="Name it with -c FILE, or continue an installation with --resume."
            )
        bundle_path = given.require_bundle(bundle)
        para = given.read_input(config, Bundle.open(bundle_path).versions)
        settings = change(RunSettings(bundle_path, host_key_policy=policy))
        installation = installations.create(place, para, settings, passphrase=passphrase, force=force)
    raise typer.Exit(run(installation, output=output, verbose=verbose))


def main() -> None:
    """Entry point: every failure becomes a clear text on stderr and its exit code, never a traceback."""
    prepare()
    sys.exit(_main())


def _main() -> int:
    try:
        code = app(prog_name="tke-tui", standalone_mode=False)
    except TkeError as error:
        complain(f"error: {error}")
        return int(error.exit_code)
    except _Problem as problem:
        complain(_command_line_text(problem))
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        complain("stopped")
        return int(ExitCode.CANCELLED)
    except Exception as error:
        if os.environ.get("TKE_TUI_DEBUG"):
            traceback.print_exc()
        complain(
            f"error: tke-tui stopped on an error of its own: {type(error).__name__}: {error}\n"
            "fix: report it; TKE_TUI_DEBUG=1 prints where it happened"
        )
        return int(ExitCode.INTERNAL)
    return code if isinstance(code, int) else 0


def _command_line_text(problem: Any) -> str:
    context = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else "tke-tui"
    return f"error: {problem.format_message()}\nfix: see {command} --help"

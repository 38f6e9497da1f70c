"""The `tke-tui` command: every sub-command parses, calls core, prints. Exit codes: docs/exit-codes.md."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from tke_tui import __version__
from tke_tui.core import installation as installations
from tke_tui.core.bundle import Bundle
from tke_tui.core.context import Options
from tke_tui.core.engine import Engine, RunResult
from tke_tui.core.errors import ExitCode, TkeError, UsageError
from tke_tui.core.installation import Installation, RunSettings
from tke_tui.core.model.defaults import apply_defaults
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.model.validate import Report
from tke_tui.core.model.validate import validate as validate_para
from tke_tui.core.paths import InstallDir, default_directory
from tke_tui.core.plan import build_plan, handler_names, step_names
from tke_tui.host_key_prompt import ask_on_terminal
from tke_tui.plain import JsonLines, PlainLines
from tke_tui.reports import (
    bundle_problems,
    failure_text,
    findings_text,
    plan_text,
    preflight_text,
    status_text,
    success_text,
)

PASSPHRASE_VARIABLE = "TKE_TUI_PASSPHRASE_FILE"  # noqa: S105 - a name, no secret

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


class HostKeys(StrEnum):
    ASK = "ask"
    ACCEPT_NEW = "accept-new"
    STRICT = "strict"


class Output(StrEnum):
    PLAIN = "plain"
    JSONL = "jsonl"


ConfigOption = Annotated[
    Path,
    typer.Option(
        "-c", "--config", "--input", help="Input document (tke.json; JSON or YAML).", metavar="FILE"
    ),
]
MaybeConfig = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", "--input", help="Input document (tke.json; JSON or YAML).", metavar="FILE"
    ),
]
DirOption = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="Installation directory: state, logs, secrets. One per cluster.", metavar="DIR"
    ),
]
BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", help="Unpacked offline bundle.", metavar="DIR", envvar="TKE_TUI_BUNDLE"),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-preflight", help="A preflight check whose errors do not count; repeatable.", metavar="NAME"
    ),
]
HostKeyOption = Annotated[
    HostKeys | None,
    typer.Option(
        "--host-key-policy",
        help="What to do with a machine's unknown SSH host key. Default: ask on a terminal, else strict.",
    ),
]
SshConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--ssh-config", help="OpenSSH client configuration to honour, e.g. ~/.ssh/config.", metavar="FILE"
    ),
]
VerboseOption = Annotated[bool, typer.Option("-v", "--verbose", help="Also print the output of commands.")]
OutputOption = Annotated[
    Output, typer.Option("--output", help="Readable lines, or one JSON object per event.")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the installation in --dir.")] = False,
    directory: DirOption = None,
    version: Annotated[bool, typer.Option("-V", "--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"tke-tui {__version__}")
    elif resume and context.invoked_subcommand is None:
        _install(resume=True, directory=directory)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def install(
    config: MaybeConfig = None,
    directory: DirOption = None,
    bundle: BundleOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the installation in --dir.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Ignore saved progress; begin at the first step.")
    ] = False,
    ignore_preflight: IgnoreOption = None,
    host_key_policy: HostKeyOption = None,
    ssh_config: SshConfigOption = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, help="Replicas of each TKE component. Default 2.")
    ] = None,
    sync_projects_with_namespaces: Annotated[
        bool | None,
        typer.Option(
            "--sync-projects-with-namespaces/--no-sync-projects-with-namespaces",
            help="Keep business projects and namespaces in step.",
        ),
    ] = None,
    hosts_file: Annotated[
        Path | None,
        typer.Option("--hosts-file", help="This host's hosts file. Default /etc/hosts.", metavar="FILE"),
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Run without screens (lines).")] = True,
    plain: Annotated[bool, typer.Option("--plain", help="The same as --no-ui.")] = False,
    output: OutputOption = Output.PLAIN,
    verbose: VerboseOption = False,
) -> None:
    """Install a cluster from an input document, or continue an installation."""
    _install(
        config=config,
        directory=directory,
        bundle=bundle,
        resume=resume,
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
def validate(config: ConfigOption, bundle: BundleOption = None) -> None:
    """Check an input document without touching any machine; every problem at once."""
    versions = Bundle.open(bundle).versions if bundle is not None else ()
    _read_input(config, versions, out=sys.stdout)
    typer.echo(f"{config}: valid")


@app.command()
def plan(config: ConfigOption, bundle: BundleOption = None) -> None:
    """Show steps, handlers and machines in order, and what is left out and why."""
    versions = Bundle.open(bundle).versions if bundle is not None else ()
    para = apply_defaults(_read_input(config, versions), versions)
    typer.echo(plan_text(build_plan(para)))


@app.command()
def preflight(
    config: ConfigOption,
    bundle: BundleOption = None,
    ignore_preflight: IgnoreOption = None,
    host_key_policy: HostKeyOption = None,
    ssh_config: SshConfigOption = None,
) -> None:
    """Run every check on every machine, read-only, and print the results."""
    import tempfile

    from tke_tui.core.preflight import run_preflight

    bundle_path = _require_bundle(bundle)
    para = _read_input(config, Bundle.open(bundle_path).versions)
    with tempfile.TemporaryDirectory(prefix="tke-tui-preflight-") as scratch:
        settings = RunSettings(
            bundle_path,
            Options(ignore_preflight=frozenset(ignore_preflight or ())),
            host_key_policy=_policy(host_key_policy),
            ssh_config=ssh_config,
        )
        installation = installations.create(InstallDir(Path(scratch) / "run"), para, settings)
        findings, error = asyncio.run(run_preflight(installation, ask_host_key=ask_on_terminal))
    typer.echo(preflight_text(findings))
    if error is not None:
        raise error


@app.command()
def status(directory: DirOption = None) -> None:
    """Show how far the installation in --dir is; works beside a running engine."""
    typer.echo(status_text(_directory(directory)))


@bundle_app.command("verify")
def bundle_verify(bundle: Annotated[Path, typer.Argument(help="Bundle directory.", metavar="DIR")]) -> None:
    """Check every file of a bundle against the checksums of its manifest."""
    opened = Bundle.open(bundle)
    bundle_problems(opened)
    typer.echo(f"{bundle}: {len(opened.manifest.files)} files verified, TKE {opened.manifest.version}")


@bundle_app.command("list")
def bundle_list(bundle: Annotated[Path, typer.Argument(help="Bundle directory.", metavar="DIR")]) -> None:
    """List the Kubernetes versions, packages and images of a bundle."""
    manifest = Bundle.open(bundle).manifest
    typer.echo(f"TKE {manifest.version} for {', '.join(manifest.architectures)}")
    for release in manifest.kubernetes:
        typer.echo(f"kubernetes {release.version}  etcd {release.etcd}  coredns {release.coredns}")
    for name, version in sorted(manifest.packages.items()):
        typer.echo(f"package {name} {version if isinstance(version, str) else ', '.join(version)}")
    for image in manifest.contents:
        typer.echo(f"image {image}")


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
    place = _directory(directory)
    passphrase = _passphrase()
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
    if resume:
        para = None if config is None else _read_input(config, ())
        installation = installations.resume(place, passphrase=passphrase, para=para, change_settings=change)
    else:
        if config is None:
            raise UsageError(
                "No input document", fix="Name it with -c FILE, or continue an installation with --resume."
            )
        bundle_path = _require_bundle(bundle)
        para = _read_input(config, Bundle.open(bundle_path).versions)
        settings = change(RunSettings(bundle_path, host_key_policy=_policy(host_key_policy)))
        installation = installations.create(place, para, settings, passphrase=passphrase, force=force)
    _run(installation, output=output, verbose=verbose)


def _run(installation: Installation, *, output: Output, verbose: bool) -> None:
    if output is Output.JSONL:
        result = asyncio.run(_run_engine(installation, JsonLines(sys.stdout)))
    else:
        result = asyncio.run(_run_engine(installation, PlainLines(sys.stdout, verbose=verbose)))
        if result.status == "success":
            typer.echo(success_text(installation))
    if result.status != "success":
        typer.echo(failure_text(installation, result), err=True)
    raise typer.Exit(int(result.exit_code))


async def _run_engine(installation: Installation, listener: JsonLines | PlainLines) -> RunResult:
    loop = asyncio.get_running_loop()

    def started(engine: Engine) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, engine.cancel)

    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    return await installation.run(listeners=(listener,), ask_host_key=ask_on_terminal, started=started)


def _read_input(path: Path, versions: tuple[str, ...], *, out: Any = None) -> CreateClusterPara:
    """Load and validate; findings go to `out` (stderr by default), errors raise `UsageError` after all are printed."""
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
        print(findings_text(findings), file=out or sys.stderr)
    if report.errors or loaded.para is None:
        raise UsageError(
            f"{path} has {len(report.errors)} error(s)",
            fix="Correct them; check again with: tke-tui validate -c FILE",
        )
    return loaded.para


def _directory(directory: Path | None) -> InstallDir:
    return InstallDir((directory or default_directory()).absolute())


def _require_bundle(bundle: Path | None) -> Path:
    if bundle is None:
        raise UsageError(
            "No bundle",
            detail="the Kubernetes packages and images come from an offline bundle",
            fix="Name its directory with --bundle DIR or the environment variable TKE_TUI_BUNDLE.",
        )
    return bundle.absolute()


def _policy(chosen: HostKeys | None) -> Any:
    if chosen is not None:
        return chosen.value
    return HostKeys.ASK.value if sys.stdin.isatty() else HostKeys.STRICT.value


def _passphrase() -> str | None:
    """The passphrase of the secrets, from the file that TKE_TUI_PASSPHRASE_FILE names; None = key file."""
    name = os.environ.get(PASSPHRASE_VARIABLE)
    if not name:
        return None
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} can be read by others", fix=f"chmod 600 {path}")
        text = path.read_text().rstrip("\n")
    except OSError as error:
        raise UsageError(
            f"The passphrase file {path} cannot be read",
            detail=error.strerror or "",
            fix=f"Correct {PASSPHRASE_VARIABLE} or unset it.",
        ) from None
    if not text:
        raise UsageError(f"The passphrase file {path} is empty", fix="Put the passphrase on its first line.")
    return text


def main() -> None:
    """Entry point: every failure becomes a clear text on stderr and its exit code, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except TkeError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(int(error.exit_code))
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show(file=sys.stderr)
        sys.exit(int(ExitCode.USAGE))
    except (KeyboardInterrupt, click.exceptions.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(int(ExitCode.CANCELLED))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(int(ExitCode.OK))
    except Exception as error:
        if os.environ.get("TKE_TUI_DEBUG"):
            traceback.print_exc()
        print(
            f"error: tke-tui stopped on an error of its own: {type(error).__name__}: {error}\n"
            "fix: report it; TKE_TUI_DEBUG=1 prints where it happened",
            file=sys.stderr,
        )
        sys.exit(int(ExitCode.INTERNAL))
    sys.exit(code if isinstance(code, int) else 0)

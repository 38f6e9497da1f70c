"""The `tke-tui` command: every sub-command parses, calls what does the work, and ends with its exit code.

What does the work is imported when it is called: help and the screens must not wait for libraries they do not need.
Exit codes: docs/exit-codes.md.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from tke_tui import __version__
from tke_tui import cli_options as opt
from tke_tui.cli_options import Output
from tke_tui.cli_ui import Look, has_screen
from tke_tui.core.errors import ExitCode, TkeError
from tke_tui.terminal import complain, prepare, say

_GROUPS = {
    "certs": ("tke_tui.cli_cluster", "certs_app"),
    "cluster": ("tke_tui.cli_cluster", "cluster_app"),
    "lab": ("tke_tui.cli_lab", "lab_app"),
}
"""Sub-commands in modules of their own: where each is, imported when it is named."""


class Commands(TyperGroup):
    """The sub-commands, `_GROUPS` included."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _GROUPS:
            return super().get_command(ctx, cmd_name)
        module, name = _GROUPS[cmd_name]
        group = typer.main.get_command(getattr(importlib.import_module(module), name))
        group.name = cmd_name
        return group


app = typer.Typer(
    name="tke-tui",
    cls=Commands,
    add_completion=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Turn bare Linux machines into a TKEStack platform. On a terminal: screens; elsewhere: lines.",
)
bundle_app = typer.Typer(
    help="Look into an offline bundle.", rich_markup_mode=None, pretty_exceptions_enable=False
)
app.add_typer(bundle_app, name="bundle")

_Problem: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for a wrong command line; only this subclass of it has a public name in all its versions."""


@dataclass(frozen=True, slots=True)
class Before:
    """Options that were given before the sub-command."""

    resume: bool = False
    directory: Path | None = None
    look: Look = field(default_factory=Look)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    resume: opt.Resume = False,
    directory: opt.Directory = None,
    lang: opt.Lang = None,
    theme: opt.Theme = None,
    ascii_only: opt.Ascii = None,
    version: bool = typer.Option(False, "-V", "--version", help="Print the version."),
) -> None:
    context.obj = before = Before(resume, directory, Look(lang, theme, ascii_only))
    if version:
        say(f"tke-tui {__version__}")
        raise typer.Exit(0)
    if resume and context.invoked_subcommand not in (None, "install"):
        raise typer.BadParameter(f"--resume has no meaning for {context.invoked_subcommand}")
    if context.invoked_subcommand is not None:
        return
    if resume:
        _install(before, directory=directory, resume=True)
    elif has_screen(os.environ):
        from tke_tui import cli_engine

        raise typer.Exit(cli_engine.welcome(directory, before.look))
    elif directory is not None:
        raise typer.BadParameter("--dir needs --resume, a terminal, or a command after it")
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
    no_ui: opt.NoUi = False,
    plain: opt.Plain = False,
    output: opt.MaybeOutputForm = None,
    verbose: opt.Verbose = False,
    lang: opt.Lang = None,
    theme: opt.Theme = None,
    ascii_only: opt.Ascii = None,
) -> None:
    """Install a cluster from an input document, or continue an installation."""
    before: Before = context.obj
    _install(
        before,
        lines=no_ui or plain or output is not None or verbose,
        output=output or Output.PLAIN,
        verbose=verbose,
        look=Look(lang, theme, ascii_only),
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
    )


@app.command()
def attach(
    context: typer.Context,
    directory: opt.Directory = None,
    plain: opt.Plain = False,
    lang: opt.Lang = None,
    theme: opt.Theme = None,
    ascii_only: opt.Ascii = None,
) -> None:
    """Follow the installation in --dir: as screens, or as lines."""
    from tke_tui import cli_engine

    before: Before = context.obj
    directory = directory or before.directory
    if plain or not has_screen(os.environ):
        raise typer.Exit(cli_engine.follow(directory))
    raise typer.Exit(cli_engine.attach(directory, Look(lang, theme, ascii_only).over(before.look)))


@app.command()
def stop(context: typer.Context, directory: opt.Directory = None, yes: opt.Yes = False) -> None:
    """Stop the installation in --dir; --resume continues it."""
    from tke_tui import cli_engine

    raise typer.Exit(cli_engine.stop(directory or context.obj.directory, yes=yes))


@app.command()
def serve(
    context: typer.Context,
    directory: opt.Directory = None,
    listen: opt.Listen = "127.0.0.1",
    port: opt.Port = 8000,
    tls_cert: opt.TlsCert = None,
    tls_key: opt.TlsKey = None,
) -> None:
    """Show the screens in a browser, to holders of a token."""
    from tke_tui import cli_serve

    before: Before = context.obj
    where = directory or before.directory
    cli_serve.serve(where, before.look, listen=listen, port=port, certificate=tls_cert, key=tls_key)


@app.command()
def validate(config: opt.Config, bundle: opt.BundleDir = None) -> None:
    """Check an input document without touching any machine; every problem at once."""
    from tke_tui import cli_commands

    cli_commands.validate(config, bundle)


@app.command()
def plan(config: opt.Config, bundle: opt.BundleDir = None) -> None:
    """Show steps, handlers and machines in order, and what is left out and why."""
    from tke_tui import cli_commands

    cli_commands.plan(config, bundle)


@app.command()
def preflight(
    config: opt.Config,
    bundle: opt.BundleDir = None,
    ignore_preflight: opt.IgnorePreflight = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
) -> None:
    """Run every check on every machine, read-only, and print the results."""
    from tke_tui import cli_commands

    raise typer.Exit(cli_commands.preflight(config, bundle, ignore_preflight, host_key_policy, ssh_config))


@app.command()
def status(context: typer.Context, directory: opt.Directory = None, every: opt.All = False) -> None:
    """Show how far the installation in --dir is; works beside a running engine."""
    from tke_tui import cli_commands

    cli_commands.status(directory or context.obj.directory, every=every)


@app.command()
def result(
    context: typer.Context,
    directory: opt.Directory = None,
    reveal_password: opt.RevealPassword = False,
) -> None:
    """Show where the platform is, whom it knows, and which names to enter in a hosts file."""
    from tke_tui import cli_commands

    cli_commands.result(directory or context.obj.directory, reveal_password=reveal_password)


@app.command()
def logs(context: typer.Context, node: opt.NodeName = None, directory: opt.Directory = None) -> None:
    """Print the log of a machine, or of the installer itself."""
    from tke_tui import cli_commands

    cli_commands.logs(directory or context.obj.directory, node)


@app.command(hidden=True)
def engine(
    directory: opt.Directory = None,
    bundle: opt.BundleDir = None,
    idle: float = typer.Option(60.0, min=0.0, help="Seconds to stay when there was never anything to do."),
    ended: float = typer.Option(300.0, min=0.0, help="Seconds to stay after the last client left."),
    foreground: bool = typer.Option(False, "--foreground", help="Do not leave the terminal."),
) -> None:
    """Start the process that works in --dir; screens and scripts talk to it (docs/api.md)."""
    from tke_tui import cli_daemon

    raise typer.Exit(cli_daemon.engine(directory, bundle, idle=idle, ended=ended, foreground=foreground))


@bundle_app.command("verify")
def bundle_verify(bundle: opt.BundleArgument) -> None:
    """Check every file of a bundle against the checksums of its manifest."""
    from tke_tui import cli_commands

    cli_commands.bundle_verify(bundle)


@bundle_app.command("list")
def bundle_list(bundle: opt.BundleArgument) -> None:
    """List the Kubernetes versions, packages and images of a bundle."""
    from tke_tui import cli_commands

    cli_commands.bundle_list(bundle)


def _install(
    before: Before,
    *,
    lines: bool = False,
    output: Output = Output.PLAIN,
    verbose: bool = False,
    look: Look | None = None,
    **choices: Any,
) -> None:
    from tke_tui.cli_commands import InstallChoices, prepare_installation

    chosen = InstallChoices(**choices)
    if lines or not has_screen(os.environ):
        from tke_tui.running import run

        raise typer.Exit(run(prepare_installation(chosen), output=output, verbose=verbose))
    from tke_tui import cli_engine

    raise typer.Exit(cli_engine.install(chosen, (look or Look()).over(before.look)))


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

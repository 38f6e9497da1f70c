"""`tke-tui certs …` and `tke-tui cluster …`: work on a cluster that stands. See docs/operations.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tke_tui import cli_input as given
from tke_tui import cli_options as opt
from tke_tui.cli_options import HostKeys, Output
from tke_tui.core import installation as installations
from tke_tui.core import operations
from tke_tui.core.certificate_list import survey
from tke_tui.core.disk_errors import usable
from tke_tui.core.errors import ExitCode, UsageError
from tke_tui.core.handlers.ensure_renew_certs import RENEW_BEFORE
from tke_tui.core.installation import Installation
from tke_tui.core.operation import Operation
from tke_tui.core.run_settings import RunSettings, saved_bundle
from tke_tui.host_key_prompt import ask_on_terminal
from tke_tui.operation_reports import changes_text, handlers_text, planned_text, survey_text
from tke_tui.reports import failure_text
from tke_tui.running import run_printing, run_stoppable
from tke_tui.terminal import complain, say

certs_app = typer.Typer(
    help="See and renew the certificates of a cluster.", rich_markup_mode=None, pretty_exceptions_enable=False
)
cluster_app = typer.Typer(
    help="Change a cluster that stands.", rich_markup_mode=None, pretty_exceptions_enable=False
)

Days = Annotated[
    int | None,
    typer.Option("--before", metavar="DAYS", min=0, help="What ends within so many days. Default 30."),
]
ForceRenewal = Annotated[bool, typer.Option("--force", help="Renew all of them, however long they last.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before anything is changed.")]
ClusterName = Annotated[
    str | None, typer.Option("--confirm", metavar="NAME", help="The cluster's name, instead of typing it.")
]


@certs_app.command("list")
def certs_list(
    context: typer.Context,
    directory: opt.Directory = None,
    before: Days = None,
    bundle: opt.BundleDir = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
) -> None:
    """Show when each certificate ends, on all machines and on this host; exit code 4 when some end soon."""
    days = RENEW_BEFORE if before is None else before
    installation = _look(context, directory, _change(bundle, host_key_policy, ssh_config))
    found = run_stoppable(survey(installation, ask_on_terminal))
    say(installation.secrets.redact(survey_text(found, days)))
    if found.unreachable:
        raise typer.Exit(int(next(iter(found.unreachable.values())).exit_code))
    if found.ending(days):
        raise typer.Exit(int(ExitCode.PREFLIGHT))


@certs_app.command("renew")
def certs_renew(
    context: typer.Context,
    directory: opt.Directory = None,
    before: Days = None,
    force: ForceRenewal = False,
    dry_run: DryRun = False,
    bundle: opt.BundleDir = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
    plain: opt.Plain = False,
    output: opt.OutputForm = Output.PLAIN,
    verbose: opt.Verbose = False,
) -> None:
    """Renew the certificates of all control planes, one machine after the other."""
    installation = _look(context, directory, _change(bundle, host_key_policy, ssh_config))
    operation = operations.renewal(installation, before=before, force=force)
    if dry_run:
        _show_planned(operation)
        return
    raise typer.Exit(_run(operation, output, verbose, "The certificates are good. See: tke-tui certs list"))


@cluster_app.command("update")
def cluster_update(
    context: typer.Context,
    config: opt.MaybeConfig = None,
    directory: opt.Directory = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    bundle: opt.BundleDir = None,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
    plain: opt.Plain = False,
    output: opt.OutputForm = Output.PLAIN,
    verbose: opt.Verbose = False,
) -> None:
    """Bring the cluster to a changed input document; without one, continue an update that was broken off."""
    place = given.install_dir(directory or context.obj.directory)
    given.require_file(ssh_config)
    para = None
    if config is not None:
        para = given.read_input(config, given.versions(bundle or saved_bundle(place)))
    with usable(place.root):
        update = operations.update(
            place,
            para,
            passphrase=given.passphrase(),
            change_settings=_change(bundle, host_key_policy, ssh_config),
        )
    if not update.changes and not update.continued:
        say("Nothing differs from the present input: there is nothing to do")
        return
    show = say if output is Output.PLAIN else complain
    if update.continued:
        show("An update was broken off; it is continued")
    show(changes_text(update.changes))
    show(handlers_text(update.operation.graph))
    if dry_run:
        return
    _confirm(yes)
    raise typer.Exit(_run(update.operation, output, verbose, "The cluster is as the input says"))


@cluster_app.command("unmark")
def cluster_unmark(
    context: typer.Context,
    directory: opt.Directory = None,
    confirm: ClusterName = None,
    dry_run: DryRun = False,
    host_key_policy: opt.HostKeyPolicy = None,
    ssh_config: opt.SshConfig = None,
    plain: opt.Plain = False,
    output: opt.OutputForm = Output.PLAIN,
    verbose: opt.Verbose = False,
) -> None:
    """Take away the mark that the cluster is managed, so that another platform can import it."""
    installation = _look(context, directory, _change(None, host_key_policy, ssh_config))
    operation = operations.unmark(installation)
    if dry_run:
        _show_planned(operation)
        return
    _confirm_name(installation.para.cluster.metadata.name, confirm)
    raise typer.Exit(_run(operation, output, verbose, "The cluster bears no mark any more"))


def _change(
    bundle: Path | None, host_key_policy: HostKeys | None, ssh_config: Path | None
) -> Callable[[RunSettings], RunSettings]:
    def change(settings: RunSettings) -> RunSettings:
        if bundle is not None:
            settings = replace(settings, bundle=bundle.absolute())
        if host_key_policy is not None:
            settings = replace(settings, host_key_policy=host_key_policy.value)
        if ssh_config is not None:
            settings = replace(settings, ssh_config=ssh_config.absolute())
        return settings

    given.require_file(ssh_config)
    return change


def _look(
    context: typer.Context, directory: Path | None, change: Callable[[RunSettings], RunSettings]
) -> Installation:
    place = given.install_dir(directory or context.obj.directory)
    return installations.look(place, passphrase=given.passphrase(), change_settings=change)


def _show_planned(operation: Operation) -> None:
    found = run_stoppable(operation.plan(ask_on_terminal))
    say(operation.secrets.redact(planned_text(found)))


def _run(operation: Operation, output: Output, verbose: bool, good: str) -> int:
    result = run_printing(operation, output=output, verbose=verbose)
    if result.status != "success":
        complain(failure_text(operation, result, again=operation.again))
    elif output is Output.PLAIN:
        say(good)
    return int(result.exit_code)


def _confirm(yes: bool) -> None:
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "Nobody can be asked whether this is to be done",
            detail="standard input is no terminal; nothing was changed",
            fix="Read what is listed above, then run it again with --yes.",
        )
    typer.confirm("Go on?", abort=True, err=True)


def _confirm_name(name: str, confirm: str | None) -> None:
    """Raises `UsageError` unless the cluster's name was given or typed."""
    if confirm is None:
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(
                "Nobody can be asked whether this is to be done",
                detail="standard input is no terminal; nothing was changed",
                fix=f"Run it again with --confirm {name}.",
            )
        confirm = str(typer.prompt(f"Type the cluster's name ({name}) to go on", err=True))
    if confirm != name:
        raise UsageError(
            f"{confirm!r} is not the cluster's name; nothing was changed", fix=f"The name is {name}."
        )

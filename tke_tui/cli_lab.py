"""`tke-tui lab`: a whole installation on simulated machines, to try the product and to show it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tke_tui import cli_options as opt
from tke_tui.cli_options import Output
from tke_tui.cli_ui import Look, has_screen
from tke_tui.client_connect import end_engine, make_room
from tke_tui.core import installation as installations
from tke_tui.core.errors import UsageError
from tke_tui.core.installation import has_installation
from tke_tui.core.simulated import NOTE
from tke_tui.lab.place import LabPlace
from tke_tui.lab.scenario import Scenario, parse_failure, parse_slow
from tke_tui.terminal import complain, say

lab_app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@lab_app.command()
def lab(
    context: typer.Context,
    nodes: Annotated[
        int | None, typer.Option("--nodes", min=1, help="Number of machines. Default 3.")
    ] = None,
    latency: Annotated[
        float | None, typer.Option("--latency", min=0, metavar="MS", help="Delay of the network each way.")
    ] = None,
    pace: Annotated[
        float | None,
        typer.Option("--pace", min=0, help="How long commands take: 1 as usual, 0 no time at all."),
    ] = None,
    fail: Annotated[
        list[str] | None,
        typer.Option("--fail", metavar="NODE:HANDLER[:TIMES]", help="Let a handler fail; repeatable."),
    ] = None,
    slow: Annotated[
        list[str] | None,
        typer.Option("--slow", metavar="NODE:FACTOR", help="Let a machine be slow; repeatable."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Another chance for what varies. Default 0.")
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", parser=opt.path, metavar="FILE", help="A story, see examples/scenarios/."),
    ] = None,
    one_address: Annotated[
        bool,
        typer.Option(
            "--one-address",
            help="All machines on 127.0.0.1, on ports of their own; so it is anyway where no other loopback "
            "address is there.",
        ),
    ] = False,
    directory: opt.Directory = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Come back to the lab that runs in --dir, and go on there.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what the story has broken in the lab that runs in --dir.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the lab that runs in --dir.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Let the machines run on after a good end, until --stop.")
    ] = False,
    plain: opt.Plain = False,
    output: opt.MaybeOutputForm = None,
    verbose: opt.Verbose = False,
    lang: opt.Lang = None,
    theme: opt.Theme = None,
    ascii_only: opt.Ascii = None,
) -> None:
    """Try an installation on simulated machines on this host: no root, no Docker, nothing real."""
    place = LabPlace((directory or context.obj.directory or LabPlace.default().root).absolute())
    changes = _changes(nodes, latency, pace, seed, fail, slow)
    _refuse_both(resume, repair, stop, bool(changes or scenario or one_address))
    if stop:
        _stop(place)
        return
    if repair:
        place.repair()
        say(f"Everything in the lab works from now on. Go on with: {command(place, '--resume')}")
        return
    if resume:
        place.require()
    else:
        story = _changed(Scenario.read(scenario) if scenario is not None else Scenario(), changes)
        asyncio.run(make_room(place.install))
        place.begin(story, one_address=one_address)
    complain(f"{NOTE} All of it is in {place.root}.")
    if plain or output is not None or verbose or not has_screen(os.environ):
        code = _lines(place, output=output or Output.PLAIN, verbose=verbose, keep=keep)
    else:
        code = _screens(place, Look(lang, theme, ascii_only).over(context.obj.look))
    if place.pid() is not None:
        complain(
            f"The simulated machines run on. Come back with: {command(place, '--resume')}\n"
            f"End them with: {command(place, '--stop')}"
        )
    raise typer.Exit(code)


def command(place: LabPlace, *options: str) -> str:
    """What to type for this lab."""
    named = () if place == LabPlace.default() else ("--dir", str(place.root))
    return " ".join(("tke-tui", "lab", *options, *named))


def _refuse_both(resume: bool, repair: bool, stop: bool, new: bool) -> None:
    given = [
        name
        for name, said in (
            ("--resume", resume),
            ("--repair", repair),
            ("--stop", stop),
            ("options of a new lab", new),
        )
        if said
    ]
    if len(given) > 1:
        raise UsageError(
            f"{given[0]} and {given[1]} exclude each other",
            fix="Leave one of them out; see tke-tui lab --help.",
        )


def _lines(place: LabPlace, *, output: Output, verbose: bool, keep: bool) -> int:
    """Run it here in lines. The machines outlive it where there is something to go on with."""
    from tke_tui.running import run

    try:
        if has_installation(place.install):
            installation = installations.resume(place.install)
        else:
            installation = installations.create(place.install, place.para(), place.run_settings())
        code = run(installation, output=output, verbose=verbose)
    except BaseException:
        if not has_installation(place.install):
            place.end()
        raise
    if code == 0 and not keep:
        place.end()
        complain("The simulated machines have ended, too; with --keep they run on.")
    return code


def _screens(place: LabPlace, look: Look) -> int:
    """The review of a ready-made input, or what has come of it so far."""
    from tke_tui import cli_engine
    from tke_tui.cli_commands import InstallChoices
    from tke_tui.forms.choices import RunChoices
    from tke_tui.forms.draft import Draft

    if has_installation(place.install):
        return cli_engine.install(InstallChoices(directory=place.install.root, resume=True), look)
    draft = Draft.restore(place.install)
    if draft is None:
        draft = Draft(place.para(), RunChoices.of(place.run_settings()))
        draft.all_checked = True
        draft.autosave(place.install)
    return cli_engine.review(place.install, draft, look)


def _stop(place: LabPlace) -> None:
    """End the engine first: it would take the end of its machines for failures."""
    engine = asyncio.run(end_engine(place.install))
    say("The lab has ended." if place.end() or engine else f"No lab runs in {place.root}.")


def _changes(
    nodes: int | None,
    latency: float | None,
    pace: float | None,
    seed: int | None,
    fail: list[str] | None,
    slow: list[str] | None,
) -> dict[str, Any]:
    """What the command line says of the story."""
    given: dict[str, Any] = {"nodes": nodes, "latency": latency, "pace": pace, "seed": seed}
    if fail:
        given["fail"] = tuple(parse_failure(text) for text in fail)
    if slow:
        given["slow"] = tuple(parse_slow(text) for text in slow)
    return {name: value for name, value in given.items() if value is not None}


def _changed(story: Scenario, changes: dict[str, Any]) -> Scenario:
    """The story with what the command line says on top of it."""
    added = {name: (*getattr(story, name), *changes[name]) for name in ("fail", "slow") if name in changes}
    try:
        return Scenario.model_validate(story.model_dump() | changes | added)
    except ValueError as error:
        raise UsageError(
            "The lab cannot be like that", detail=str(error), fix="See tke-tui lab --help."
        ) from None

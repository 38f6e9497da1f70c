"""`tke-tui lab`: a whole installation on simulated machines, to try the product and to show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tke_tui import cli_options as opt
from tke_tui.cli_options import Output
from tke_tui.core import installation as installations
from tke_tui.core.errors import UsageError
from tke_tui.lab.place import LabPlace
from tke_tui.lab.scenario import Scenario, parse_failure, parse_slow
from tke_tui.running import run
from tke_tui.terminal import complain, say

SIMULATED = "These machines are simulated: nothing of this is real, and nothing outside of {root} is changed."

lab_app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@lab_app.command()
def lab(
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
    directory: opt.Directory = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the lab that runs in --dir.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Let the machines run on after the installation, until --stop.")
    ] = False,
    plain: opt.Plain = False,
    output: opt.OutputForm = Output.PLAIN,
    verbose: opt.Verbose = False,
) -> None:
    """Try an installation on simulated machines on this host: no root, no Docker, nothing real."""
    place = LabPlace((directory or LabPlace.default().root).absolute())
    if stop:
        say("The lab has ended." if place.end() else f"No lab runs in {place.root}.")
        return
    story = Scenario.read(scenario) if scenario is not None else Scenario()
    place.begin(_changed(story, nodes, latency, pace, fail, slow, seed))
    complain(SIMULATED.format(root=place.root))
    try:
        installation = installations.create(place.install, place.para(), place.run_settings())
        code = run(installation, output=output, verbose=verbose)
    finally:
        if not keep:
            place.end()
    raise typer.Exit(code)


def _changed(
    story: Scenario,
    nodes: int | None,
    latency: float | None,
    pace: float | None,
    fail: list[str] | None,
    slow: list[str] | None,
    seed: int | None,
) -> Scenario:
    """The scenario with what the command line says on top of it."""
    given: dict[str, Any] = {"nodes": nodes, "latency": latency, "pace": pace, "seed": seed}
    changes = {name: value for name, value in given.items() if value is not None}
    changes["fail"] = (*story.fail, *(parse_failure(text) for text in fail or ()))
    changes["slow"] = (*story.slow, *(parse_slow(text) for text in slow or ()))
    try:
        return Scenario.model_validate(story.model_dump() | changes)
    except ValueError as error:
        raise UsageError(
            "The lab cannot be like that", detail=str(error), fix="See tke-tui lab --help."
        ) from None

"""A plan without machines for real engine processes: tasks that wait until a test opens their gate.

A gate is a file below $TKE_TEST_GATES: `EnsureDocker@192.0.2.11`, or `all`. What it says happens: `go` ends the task
well, anything else fails it with that text. An engine process uses it by `engine_plan/sitecustomize.py`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.core.engine_world import Body, task
from tke_tui.core.context import Context
from tke_tui.core.errors import Fatal
from tke_tui.core.graph import Graph, Listed, build_graph
from tke_tui.core.installation import Installation
from tke_tui.core.task import Need, On, Scope

GATES = "TKE_TEST_GATES"

STEPS = ("Preflight", "Create global cluster", "Write kubeconfig")
HANDLERS = ("EnsureDocker", "EnsureKubelet", "EnsureKubeadmInit", "EnsureGalaxy")


def use() -> None:
    """Every installation in this process has this plan."""
    setattr(Installation, "plan", property(_graph))  # noqa: B010 - mypy knows it as read-only


def break_help() -> None:
    """Asking for help meets a mistake of the program."""
    from tke_tui.screens.help import HelpModal

    def about(_node: object) -> HelpModal:
        raise ZeroDivisionError("a mistake in the program")

    setattr(HelpModal, "about", staticmethod(about))  # noqa: B010 - mypy knows it as a method


def _graph(installation: Installation) -> Graph:
    first = task(STEPS[0], _at_the_gate(STEPS[0]))
    handlers = [
        task(name, _at_the_gate(name), on=Scope.ALL, needs=(Need(STEPS[0], On.EVERY),)) for name in HANDLERS
    ]
    for each in handlers:
        each.skippable = True  # type: ignore[misc]
    last = task(STEPS[2], _at_the_gate(STEPS[2]), needs=tuple(Need(name, On.EVERY) for name in HANDLERS))
    listed = [
        Listed(first, STEPS[0]),
        *(Listed(each, STEPS[1]) for each in handlers),
        Listed(last, STEPS[2]),
    ]
    return build_graph(listed, installation.para)


def _at_the_gate(name: str) -> Body:
    async def body(ctx: Context) -> None:
        node = "" if ctx.machine is None else str(ctx.machine.ip)
        gates = Path(os.environ[GATES])
        ctx.log("at the gate")
        while True:
            for gate in (gates / f"{name}@{node}" if node else gates / name, gates / "all"):
                if gate.exists():
                    said = gate.read_text().strip()
                    if said == "go":
                        ctx.mutate("pass the gate")
                        return
                    raise Fatal(said, detail="the test said so", fix="Let the test say something else.")
            await asyncio.sleep(0.02)

    return body

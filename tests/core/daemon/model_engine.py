"""`python -m tests.core.daemon.model_engine ARGUMENTS`: the engine process on a plan of small tasks without machines.

What the tasks do is said by files in the installation directory: `hold` is there as long as the task `long` is to wait,
`broken` as long as the task `flaky` is to fail. Everything else is the real `tke-tui`.
"""

from __future__ import annotations

import asyncio
import sys

from tests.core.engine_world import task
from tke_tui import cli
from tke_tui.core.context import Context
from tke_tui.core.errors import Fatal
from tke_tui.core.graph import Graph, Listed, build_graph
from tke_tui.core.installation import Installation
from tke_tui.core.task import Need, Scope


async def _flaky(ctx: Context) -> None:
    if (ctx.directory.root / "broken").exists():
        raise Fatal("broken", fix="remove the file")


async def _long(ctx: Context) -> None:
    (ctx.directory.root / "at-work").touch()
    while (ctx.directory.root / "hold").exists():  # noqa: ASYNC110 - another process removes it
        await asyncio.sleep(0.01)


def _plan(installation: Installation) -> Graph:
    tasks = [
        task("first", on=Scope.ALL),
        task("flaky", _flaky),
        task("after", needs=[Need("flaky")]),
        task("long", _long, needs=[Need("first")]),
    ]
    return build_graph([Listed(one, "a step") for one in tasks], installation.para)


if __name__ == "__main__":
    Installation.plan = property(_plan)  # type: ignore[assignment,method-assign]
    sys.argv[0] = "tke-tui"
    cli.main()

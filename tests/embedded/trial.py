"""Installations in embedded labs, in the test's own process: what runs, and what a person sees of it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tke_tui.core import installation as installations
from tke_tui.core.engine import Budgets, Engine, RunResult
from tke_tui.core.events import Event, TaskRetrying
from tke_tui.core.installation import Installation, has_installation
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.scenario import Scenario
from tke_tui.plain import PlainLines
from tke_tui.reports import failure_text, success_text

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"

AT_ONCE = Budgets(retry_delay=0.001, retry_delay_max=0.002)
"""Attempts follow each other without a pause."""


def story(name: str, **changes: object) -> Scenario:
    """One of the examples, in no time."""
    return Scenario.read(SCENARIOS / f"{name}.yaml").model_copy(update={"pace": 0.0, **changes})


class Trial:
    """One lab with one installation. `lines` and `told` are what a person saw of the last run, `events` all of it."""

    def __init__(self, lab: EmbeddedLab, directory: InstallDir, para: CreateClusterPara) -> None:
        self.lab = lab
        self.directory = directory
        self.para = para
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.told = ""

    def installation(self) -> Installation:
        """As it is begun, or found again."""
        if has_installation(self.directory):
            return installations.resume(self.directory)
        return installations.create(self.directory, self.para, self.lab.settings)

    async def run(
        self,
        heard: Callable[[Engine, Event], None] | None = None,
        *,
        budgets: Budgets | None = AT_ONCE,
    ) -> RunResult:
        """Begin the installation, or resume it. `heard` is told of each event, with the engine that tells it."""
        engines: list[Engine] = []
        stream = io.StringIO()
        printed = PlainLines(stream)
        self.events = []

        def listen(event: Event) -> None:
            self.events.append(event)
            if heard is not None:
                heard(engines[0], event)

        installation = self.installation()
        result = await installation.run(listeners=(printed, listen), budgets=budgets, started=engines.append)
        printed.close()
        self.lines = [line.partition(" ")[2] for line in stream.getvalue().splitlines()]
        failed = result.status != "success"
        self.told = failure_text(installation, result) if failed else success_text(installation)
        return result

    @property
    def retried(self) -> list[str]:
        """Tasks that were tried again, in order."""
        return [event.task for event in self.events if isinstance(event, TaskRetrying)]

    @property
    def failed(self) -> list[str]:
        """The lines of what failed."""
        return [line for line in self.lines if " FAILED: " in line]


@contextlib.asynccontextmanager
async def trial(root: Path, scenario: Scenario, *, whole: bool = False) -> AsyncIterator[Trial]:
    """A lab below `root`. Only a `whole` input has all parts of the platform; others are there sooner."""
    directory = InstallDir(root / "install")
    async with EmbeddedLab(root / "lab", scenario, directory.journal) as lab:
        para = lab.para
        if not whole:
            config = para.config
            config.business = config.monitor = config.logagent = config.gateway = None
        yield Trial(lab, directory, para)

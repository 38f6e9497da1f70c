"""What the conformance suite runs against: the embedded lab, and the real one (marker `lab`).

A target is an installation that has ended well on one machine, with the connections of its run still open. It is made
once per module and only looked at, or changed in a namespace of the test's own.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tke_tui.core import installation as installations
from tke_tui.core.context import Context, Mode, Options, Services
from tke_tui.core.graph import PlannedTask
from tke_tui.core.installation import Installation, RunSettings, known_state
from tke_tui.core.model.load import load_para
from tke_tui.core.model.para import CreateClusterPara
from tke_tui.core.paths import InstallDir
from tke_tui.lab.embedded import EmbeddedLab
from tke_tui.lab.scenario import Scenario

EMBEDDED, REAL = "embedded", "real"


@dataclass(frozen=True)
class Target:
    """`services` lead to everything that the installation was made with."""

    name: str
    installation: Installation
    services: Services

    def context(self, planned: PlannedTask, mode: Mode = Mode.CHECK) -> Context:
        """A context for one task of the plan."""
        return Context(
            self.services,
            planned.machine,
            mode,
            emit_line=lambda node, stream, line: None,
            emit_progress=lambda done, total, text: None,
        )

    def node_context(self) -> Context:
        """A context on the first machine that may change it."""
        planned = next(planned for planned in self.installation.plan.included if planned.machine)
        return self.context(planned, Mode.RUN)


@contextlib.asynccontextmanager
async def open_target(name: str, directory: Path) -> AsyncIterator[Target]:
    """Install on a fresh target and keep it until the end."""
    if name == EMBEDDED:
        place = InstallDir(directory / "install")
        async with (
            EmbeddedLab(directory / "lab", Scenario(nodes=1, pace=0), place.journal) as lab,
            _installed(name, place, lab.para, lab.settings) as target,
        ):
            yield target
        return
    from tests.e2e.harness import BUNDLE, PREFLIGHT_OF_SMALL_NODES, Site, fresh_nodes, para

    fresh_nodes(1)
    site = Site(directory, para(1, gateway={}))
    loaded = load_para(site.input)
    assert loaded.para is not None
    options = Options(replicas=1, ignore_preflight=frozenset(PREFLIGHT_OF_SMALL_NODES))
    settings = RunSettings(BUNDLE, options, host_key_policy="accept-new", use_agent=False)
    async with _installed(name, InstallDir(site.root), loaded.para, settings) as target:
        yield target


@contextlib.asynccontextmanager
async def _installed(
    name: str, place: InstallDir, para: CreateClusterPara, settings: RunSettings
) -> AsyncIterator[Target]:
    installation = installations.create(place, para, settings)
    result = await installation.run()
    assert result.status == "success", [str(error) for _, error in result.errors]
    async with installation.runtime() as runtime:
        yield Target(name, installation, installation.services(runtime, known_state(place)))

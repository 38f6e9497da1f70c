"""The checks of all machines on their own: those of the form that is being filled in, or those of the last run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tke_tui.core.errors import TkeError
from tke_tui.core.paths import InstallDir
from tke_tui.core.probes import Finding
from tke_tui.forms.draft import Draft
from tke_tui.messages import N_, _
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.engine_access import engine_of
from tke_tui.widgets.preflight_panel import PreflightPanel


class PreflightScreen(TkeScreen[None]):
    """With a draft the checks are run at once; without one the findings of the last run are shown."""

    HELP = N_("""\
# Checks
Everything that can be known before the first change: each machine is asked, nothing is changed.

An *error* stops an installation at its first step, a *warning* does not. A check can be ignored, at one's own risk.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", N_("check again"), id="preflight.again"),
    ]
    AUTO_FOCUS = "#matrix"

    def body(self) -> ComposeResult:
        yield PreflightPanel(self.context.symbols, id="panel")

    def on_mount(self) -> None:
        self.set_title(_("Checks"))
        self.action_again()

    def again(self) -> PreflightScreen:
        return PreflightScreen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "again":
            return self.context.draft is not None
        return super().check_action(action, parameters)

    def action_again(self) -> None:
        draft = self.context.draft
        if draft is None:
            self._recall()
        else:
            begin_checks(self, draft)

    @work(exclusive=True, group="recall", exit_on_error=False)
    async def _recall(self) -> None:
        findings = await asyncio.to_thread(last_findings, self.context.directory)
        nodes = dict.fromkeys(finding.node for finding in findings if finding.node)
        self.query_one(PreflightPanel).show(findings, nodes, ())

    @on(PreflightPanel.IgnoredChanged)
    def _ignored(self, event: PreflightPanel.IgnoredChanged) -> None:
        if self.context.draft is not None:
            self.context.draft.set("options.ignorePreflight", list(event.names))


def begin_checks(screen: TkeScreen[None], draft: Draft) -> None:
    """Run the checks of a draft in the panel of a screen."""
    panel = screen.query_one(PreflightPanel)
    nodes = [machine.ip for machine in draft.para.machines]
    panel.run(_findings(screen, draft), nodes, draft.options.ignore_preflight)


async def _findings(screen: TkeScreen[None], draft: Draft) -> AsyncIterator[Finding]:
    # What is ignored is decided here, so that it can be taken back without asking the machines again.
    settings = draft.settings()
    settings = replace(settings, options=replace(settings.options, ignore_preflight=frozenset()))
    client = await engine_of(screen.app)
    async for finding in client.preflight(draft.para, settings):
        yield finding


def last_findings(directory: InstallDir) -> list[Finding]:
    """What the checks of the last run found; nothing when there was none."""
    try:
        documents = json.loads(directory.preflight.read_text(encoding="utf-8"))
        return [Finding(**document) for document in documents]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise TkeError(
            _("The findings of the last run cannot be read"),
            detail=f"{directory.preflight}: {type(error).__name__}",
            fix=_("Run the checks again."),
        ) from None

"""The preflight checks on their own, without an installation: nothing is changed anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tke_tui.core.context import Context, Mode
from tke_tui.core.errors import TkeError
from tke_tui.core.probes import run_probes
from tke_tui.core.state import RunState
from tke_tui.core.steps.preflight import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tke_tui.core.adapters.ssh_types import AskHostKey
    from tke_tui.core.installation import Installation
    from tke_tui.core.probes import Finding


async def run_preflight(
    installation: Installation,
    *,
    known_hosts: Path,
    ask_host_key: AskHostKey | None = None,
    heard: Callable[[Sequence[Finding]], None] = lambda findings: None,
) -> tuple[list[Finding], TkeError | None]:
    """All findings, and the error an installation would stop with (None when it would go on).

    `heard` gets the findings as they come. Host keys that are accepted are kept in `known_hosts`, which outlives the
    installation's directory.
    """
    async with installation.runtime(ask_host_key, known_hosts=known_hosts) as runtime:
        context = Context(
            installation.services(runtime, RunState()),
            None,
            Mode.CHECK,
            emit_line=lambda node, stream, line: None,
            emit_progress=lambda done, total, text: None,
        )
        findings = await run_probes(context, heard=heard)
    return findings, verdict(findings)

"""The preflight checks for a client, on an input that need not be installed."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core import installation as installations
from tke_tui.core.disk_errors import usable
from tke_tui.core.paths import InstallDir
from tke_tui.core.preflight import run_preflight

if TYPE_CHECKING:
    from tke_tui.core.adapters.ssh_types import AskHostKey
    from tke_tui.core.model.para import CreateClusterPara
    from tke_tui.core.probes import Finding
    from tke_tui.core.run_settings import RunSettings


async def findings(
    para: CreateClusterPara, settings: RunSettings, *, known_hosts: Path, ask_host_key: AskHostKey
) -> AsyncGenerator[Finding, None]:
    """Findings as they come, without secrets. Closing the generator stops the checks.

    Raises `TkeError` when they cannot be begun or go on.
    """
    queue: asyncio.Queue[Finding | None] = asyncio.Queue()

    def heard(found: Sequence[Finding]) -> None:
        for finding in found:
            queue.put_nowait(finding)

    with contextlib.ExitStack() as stack:
        with usable(Path(tempfile.gettempdir())):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tke-tui-preflight-"))
        place = InstallDir(Path(scratch) / "run")
        installation = await asyncio.to_thread(installations.create, place, para, settings)
        checking = asyncio.create_task(
            run_preflight(installation, known_hosts=known_hosts, ask_host_key=ask_host_key, heard=heard)
        )
        checking.add_done_callback(_then_end(queue))
        try:
            told: set[Finding] = set()
            while (finding := await queue.get()) is not None:
                if finding not in told:
                    told.add(finding)
                    yield _redacted(finding, installation.secrets.redact)
            await checking
        finally:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)


def _then_end(queue: asyncio.Queue[Finding | None]) -> Callable[[object], None]:
    return lambda task: queue.put_nowait(None)


def _redacted(finding: Finding, redact: Callable[[str], str]) -> Finding:
    return type(finding)(
        finding.check, finding.node, finding.severity, redact(finding.message), redact(finding.fix)
    )

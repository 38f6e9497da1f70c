"""The programs whose first paint is measured: `python -m bench.ui_child bare | dashboard DIRECTORY`.

The dashboard is the product's own app and screen; its history comes from a journal file, as from an engine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tke_tui.client import EngineClient, EngineStatus
    from tke_tui.core.events import Event


def bare() -> None:
    """The least a Textual app can be."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("bare app")

    Bare().run()


class JournalClient:
    """Tells a journal and then nothing more."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def status(self) -> EngineStatus:
        from tke_tui.client import EngineStatus

        return EngineStatus(alive=True, phase="running", mine=True, run="doing")

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        import asyncio

        from tke_tui.core.events import ControlChanged
        from tke_tui.core.journal import read_events

        for event in read_events(self.root / "journal.jsonl"):
            if event.seq > after:
                yield event
        yield ControlChanged(controller="", mine=True)
        await asyncio.Event().wait()

    async def close(self) -> None:
        return None


def dashboard(root: Path) -> None:
    """The dashboard of the installation in `root`."""
    from tke_tui.app import TkeApp
    from tke_tui.app_context import AppContext
    from tke_tui.core.paths import InstallDir

    async def connect() -> EngineClient:
        return JournalClient(root)  # type: ignore[return-value]

    TkeApp(AppContext(InstallDir(root), connect, connect, recent_path=None), start="dashboard").run()


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare()
    else:
        dashboard(Path(sys.argv[2]))

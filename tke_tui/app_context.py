"""What every screen may reach: the installation, the person's choices, the clock, the way to the engine."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tke_tui.core.paths import InstallDir
from tke_tui.recent import recent_file
from tke_tui.settings import Settings, settings_file
from tke_tui.symbols import Symbols

if TYPE_CHECKING:
    from tke_tui.client import EngineClient
    from tke_tui.core.run_settings import RunSettings
    from tke_tui.forms.draft import Draft

Connect = Callable[[], Awaitable["EngineClient"]]


@dataclass
class AppContext:
    """Made once by the command line, held by the app; screens read it as `self.app.context`.

    `connect` attaches to the living engine or starts one; `attach` never starts one: without an engine it gives a
    client that shows what the installation directory tells. Both raise `TkeError`. `clock` gives seconds since the
    epoch. With `begin`, the dashboard has the engine started and the installation continued as soon as it is
    opened; otherwise it only looks. `run_settings` are what new inputs begin with instead of the usual
    choices. `form` names the form screen that is opened at once, over the first screen.
    `elsewhere` gives `connect` and `attach` for another directory; None = this app stays in its own. `recent_path` is
    where the directories that were used are kept, None = nowhere. `read_only` refuses commands to the engine until the
    person takes over. `notes` are sentences to show once, e.g. on a settings file that could not be read.
    """

    directory: InstallDir
    connect: Connect
    attach: Connect
    bundle: Path | None = None
    settings: Settings = field(default_factory=Settings)
    settings_path: Path = field(default_factory=settings_file)
    symbols: Symbols = field(default_factory=Symbols)
    clock: Callable[[], float] = time.time
    run_settings: RunSettings | None = None
    draft: Draft | None = None
    form: str = ""
    begin: bool = False
    read_only: bool = False
    notes: tuple[str, ...] = ()
    elsewhere: Callable[[InstallDir], tuple[Connect, Connect]] | None = None
    recent_path: Path | None = field(default_factory=recent_file)

    def move(self, directory: InstallDir) -> None:
        """Be about another directory from now on; nothing that was typed or chosen for this one goes along."""
        assert self.elsewhere is not None
        self.directory = directory
        self.connect, self.attach = self.elsewhere(directory)
        self.bundle = self.run_settings = self.draft = None
        self.form = ""

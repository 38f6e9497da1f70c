"""The terminal UI as a whole: which screen is shown, themes, keys, the way to the engine, and how it is left."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tke_tui import themes
from tke_tui.app_context import AppContext
from tke_tui.app_engine import EngineApp
from tke_tui.commands import commands
from tke_tui.core.errors import TkeError
from tke_tui.core.paths import InstallDir
from tke_tui.core.simulated import any_simulated, simulated_input
from tke_tui.key_order import KeyOrder
from tke_tui.messages import N_, _
from tke_tui.own_errors import explained
from tke_tui.screens.base import TkeScreen
from tke_tui.screens.opening import OpeningScreen
from tke_tui.widgets.too_small import TooSmall, too_small

Start = Literal["welcome", "dashboard"]

AGAIN = 1.0
"""Seconds in which a second ctrl+c is taken for the wish to leave."""


class TkeApp(EngineApp):
    """The app. `farewell` is what the command line prints when it has ended, `problem` what it ended on.

    `start` is the first screen; with "dashboard" the app attaches at once.
    """

    TITLE = "tke-tui"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    BINDING_GROUP_TITLE = N_("Everywhere")
    COMMAND_PALETTE_BINDING = "ctrl+t"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared like this in Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    NOTIFICATION_TIMEOUT = 6
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,ctrl+g", "help", N_("help"), id="app.help"),
        Binding("ctrl+t", "command_palette", N_("commands"), id="app.commands", priority=True),
        Binding("colon", "command_palette", N_("commands"), id="app.commands-letter", show=False),
        Binding("ctrl+q", "leave", N_("quit"), id="app.quit", priority=True),
        Binding(
            "ctrl+c", "interrupt", N_("copy, or how to quit"), id="app.interrupt", show=False, system=True
        ),
        Binding("ctrl+r", "start_again", N_("start the engine again"), id="app.start-again"),
    ]

    def __init__(self, context: AppContext, start: Start = "welcome") -> None:
        super().__init__(context)
        self.start = start
        self.farewell = ""
        self._keys = KeyOrder(self, super().on_event)
        self._interrupted = -AGAIN
        self._of_simulated = simulated_input(context.directory.para)
        self._theme_name = themes.choose_theme(context.settings.theme, os.environ)
        for theme in themes.THEMES.values():
            self.register_theme(theme)
        self.theme = themes.ANSI.name if self._theme_name == themes.NO_COLOUR else self._theme_name
        self.no_color = self._theme_name == themes.NO_COLOUR
        self._no_colour, self._ascii = NoColor(), themes.AsciiOnly()
        self.animation_level = "none"
        self.set_keymap(context.settings.keymap)

    # --- what screens may ask ------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """Which installation this is about."""
        return self.context.directory.root.name

    @property
    def simulated(self) -> bool:
        """Whether these are machines of the embedded lab; every screen says so."""
        draft = self.context.draft
        named = [machine.ip for machine in draft.para.machines] if draft is not None else []
        return (
            self._of_simulated or any_simulated(named) or (self.attached and any_simulated(self.view.nodes))
        )

    def show_form(self, name: str) -> None:
        """Show a form screen, e.g. "basics": in place of another form, else on top."""
        screen = _screen(name)
        on_top = self.screen
        if isinstance(on_top, TkeScreen) and on_top.form_name:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def open_elsewhere(self, directory: InstallDir) -> None:
        """Show what there is in another directory, as if the app had been started there."""
        self.detach()
        self.context.move(directory)
        self._of_simulated = simulated_input(directory.para)
        self.remember()
        self.switch_screen(_screen("welcome"))

    def show_dashboard(self) -> None:
        """Leave all screens for the dashboard; attaches to the engine, or starts it, unless that was done."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        switched = self.switch_screen(_screen("dashboard"))
        if self.attachment is None:
            self.connect_to_engine(switched)

    def leave(self) -> None:
        """Detach and end the app; whatever the engine does goes on."""
        if self.engine_works:
            self.farewell = _("The installation goes on. Come back with: {command}").format(
                command=self.command_line("attach")
            )
        elif self.attached and self.view.status not in ("success", "unknown"):
            self.farewell = _("The installation is not finished. Continue with: {command}").format(
                command=self.command_line("--resume")
            )
        ended = self.view.exit_code if self.attached and not self.engine_works else 0
        self.exit(return_code=ended or 0)

    def fail(self, error: TkeError) -> None:
        """Show an error with its cause and its remedy over whatever is on the screen."""
        from tke_tui.screens.problem import ProblemModal

        self.push_screen(ProblemModal(error))

    def copy(self, text: str, what: str) -> None:
        """Put a text into the terminal's clipboard; `what` says in the language in use what it is."""
        self.copy_to_clipboard(text)
        self.notify(
            _("Copied: {what}. Nothing in the clipboard? Select it with shift and the mouse.").format(
                what=what
            ),
            markup=False,
        )

    def show_again(self) -> None:
        """Make the screen on top anew, so that it speaks the language in use; others do when they are opened."""
        screen = self.screen
        if isinstance(screen, TkeScreen) and (again := screen.again()) is not None:
            self.switch_screen(again)
        self.refresh_bindings()

    @property
    def can_go_back(self) -> bool:
        return len(self.screen_stack) > 1

    def fit(self) -> None:
        """Cover the screen on top while the terminal is too small for it."""
        cover = self.screen.query(TooSmall)
        if too_small(self.size):
            if cover:
                cover.first().refresh()
            else:
                self.screen.mount(TooSmall())
        elif cover:
            cover.remove()

    # --- keys ----------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        from tke_tui.screens.help import HelpModal

        if not isinstance(self.screen, HelpModal):
            self.push_screen(HelpModal.about(self.focused or self.screen))

    def action_command_palette(self) -> None:
        from tke_tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_leave(self) -> None:
        """Ask how to leave while something is running; else just leave, as all input is saved."""
        if not self.engine_works:
            self.leave()
            return
        from tke_tui.screens.modals.quit import QuitModal

        if not any(isinstance(screen, QuitModal) for screen in self.screen_stack):
            self.push_screen(QuitModal())

    async def action_quit(self) -> None:
        self.action_leave()

    def action_interrupt(self) -> None:
        """Ctrl+C never ends anything: it says how to, and asks when it comes twice."""
        now = self.context.clock()
        if now - self._interrupted < AGAIN:
            self.action_leave()
        else:
            self.notify(_("Nothing was stopped. Ctrl+Q leaves; what is running goes on."), markup=False)
        self._interrupted = now

    def action_start_again(self) -> None:
        self.start_again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "start_again":
            return bool(self.banner) and self.attachment is not None and self.attachment.absent
        return True

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        return commands(self, screen)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """No failure of a background job may get lost."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and error is not None:
            self.fail(explained(error, self.context.directory))

    # --- the app itself ------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        screen = OpeningScreen() if self.start == "dashboard" else _screen(self.start)
        # Textual reads the look of a screen when it is pushed, and expects so when it is switched; the first never is.
        self._load_screen_css(screen)
        screen._push_result_callback(screen, None)
        return screen

    def on_mount(self) -> None:
        self.set_class(self.context.symbols.ascii, "-ascii")
        with contextlib.suppress(RuntimeError, ValueError):
            # Not in a thread, where there are no signals.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.leave)
        if self.context.form:
            self.show_form(self.context.form)
        for note in self.context.notes:
            self.notify(note, severity="warning", markup=False)

    def on_resize(self) -> None:
        self.call_later(self.fit)

    async def on_event(self, event: events.Event) -> None:
        """While the terminal is too small, nobody can see what a key would do: only leaving works."""
        blind = isinstance(event, events.Key | events.Paste | events.MouseEvent) and too_small(self.size)
        if blind and not (isinstance(event, events.Key) and event.key in ("ctrl+q", "ctrl+c")):
            return
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    def use_theme(self, name: str) -> None:
        """Change the theme, `NO_COLOUR` included, while the app runs."""
        self._theme_name = name
        self.no_color = name == themes.NO_COLOUR
        self.theme = themes.ANSI.name if self.no_color else name
        self.refresh_css(animate=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = [each for each in super().get_line_filters() if not isinstance(each, Monochrome | NoColor)]
        if self.no_color:
            filters.append(self._no_colour)
        if self.context.symbols.ascii:
            filters.append(self._ascii)
        return filters

    def get_key_display(self, binding: Binding) -> str:
        shown = super().get_key_display(binding)
        arrows = {"↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter"}
        return arrows.get(shown, shown) if self.context.symbols.ascii else shown

    def command_line(self, name: str) -> str:
        """What to type for this installation, e.g. `tke-tui attach --dir ...`."""
        from tke_tui.core.paths import default_directory

        root = self.context.directory.root
        return f"tke-tui {name}" + ("" if root == default_directory() else f" --dir {root}")

    def _handle_exception(self, error: Exception) -> None:
        self.problem = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Ends the app on an error of its own; the command line explains it once the terminal is itself again."""
        self._close_messages_no_wait()


def _screen(name: str) -> Screen[Any]:
    """A new `<Name>Screen` of tke_tui/screens/<name>.py; imported when it is first shown: the start stays fast."""
    module = importlib.import_module(f"tke_tui.screens.{name}")
    made: Screen[Any] = getattr(module, f"{name.title()}Screen")()
    return made

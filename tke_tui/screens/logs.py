"""The logs of an installation: of the installer, of each machine, or all of them by time."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tke_tui.core.state import name_and_node
from tke_tui.log_filter import LogFilter
from tke_tui.log_sources import log_names, log_window
from tke_tui.log_window import LogWindow
from tke_tui.messages import N_, _
from tke_tui.node_view import cells_of, state_of
from tke_tui.screens.base import TkeScreen
from tke_tui.symbols import State
from tke_tui.ui_messages import ViewChanged
from tke_tui.widgets.log_lines import INSTALLER
from tke_tui.widgets.log_pane import LogPane

ALL = None
"""Stands for all logs, merged."""
WIDEST = 24
"""Cells of the list of logs at most."""

_FRAME = 4


class LogsScreen(TkeScreen[None]):
    """`node` is the log to begin with: a machine, "" for the installer, None for all. `task` (its id) filters it."""

    CSS_PATH = "logs.tcss"
    AUTO_FOCUS = "LogLines"
    HELP = N_(
        "The logs of the installer and of every machine, or all of them in the order of time. **[** and **]** go to "
        "the log before and after, **z** gives the log the whole width."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "turn(-1)", N_("log before"), id="logs.previous", show=False),
        Binding("right_square_bracket", "turn(1)", N_("next log"), id="logs.next"),
        Binding("z", "zoom", N_("whole width"), id="logs.zoom", show=False),
    ]

    def __init__(self, node: str | None = None, task: str | None = None) -> None:
        super().__init__()
        name, of_node = name_and_node(task or "")
        self._node = node if node is not None or not of_node else of_node
        self._filter = LogFilter(task=name)
        self._names: list[str | None] = []
        self._states: dict[str | None, State] = {}

    def again(self) -> LogsScreen:
        screen = LogsScreen(self._node)
        screen._filter = self.query_one(LogPane).pager.window.filter
        return screen

    def body(self) -> ComposeResult:
        with Horizontal():
            nodes = OptionList(id="log-names", classes="pane", markup=False)
            nodes.border_title = Content(_("Logs"))
            yield nodes
            pane = LogPane(self._window(), id="log", classes="pane")
            yield pane

    def on_mount(self) -> None:
        self.set_title(_("Logs"))
        self._list()
        self._name_pane()

    def _window(self) -> LogWindow:
        names = [self._node] if self._node is not None else self._known()
        return log_window(self.context.directory, names, self._filter)

    def _known(self) -> list[str]:
        return log_names(self.context.directory, self.app.view.nodes if self.app.attached else ())

    def _name_pane(self) -> None:
        self.query_one(LogPane).border_title = Content(_name(self._node))

    # --- the list --------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        options = self.query_one(OptionList)
        self._names = [ALL, *self._known()]
        options.clear_options()
        for name in self._names:
            self._states[name] = self._state(name)
            options.add_option(Option(self._prompt(name)))
        widest = max(cell_len(_name(name)) for name in self._names)
        options.styles.width = min(widest + _FRAME, WIDEST)
        with self.prevent(OptionList.OptionHighlighted):
            options.highlighted = self._names.index(self._node) if self._node in self._names else 0

    def _state(self, name: str | None) -> State:
        if not name or not self.app.attached:
            return State.LEFT_OUT
        cells = cells_of(self.app.view, name)
        return state_of(cells) if cells else State.LEFT_OUT

    def _prompt(self, name: str | None) -> Content:
        state, symbols = self._states[name], self.context.symbols
        return Content.assemble((symbols.glyph(state), symbols.style(state)), " ", _name(name))

    def on_view_changed(self, message: ViewChanged) -> None:
        if message.changes is None or message.changes.layout:
            self._list()
            return
        options = self.query_one(OptionList)
        changed = {name_and_node(task)[1] for task in message.changes.tasks} - {""}
        for name in changed & set(self._names):
            state = self._state(name)
            if state is not self._states[name]:
                self._states[name] = state
                options.replace_option_prompt_at_index(self._names.index(name), self._prompt(name))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show(self._names[event.option_index])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one(LogPane).focus()

    def _show(self, name: str | None) -> None:
        if name == self._node:
            return
        pane = self.query_one(LogPane)
        self._node, self._filter = name, pane.pager.window.filter
        pane.use(self._window())
        self._name_pane()

    def action_turn(self, by: int) -> None:
        """The next or the last log of the list."""
        options = self.query_one(OptionList)
        at = (options.highlighted or 0) + by
        options.highlighted = max(0, min(at, len(self._names) - 1))

    def action_zoom(self) -> None:
        options = self.query_one(OptionList)
        if options.has_focus:
            self.query_one(LogPane).focus()
        options.display = not options.display


def _name(name: str | None) -> str:
    return _("all logs") if name is ALL else name or _(INSTALLER)

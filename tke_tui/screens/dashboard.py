"""The running installation: steps, machines and handlers, log or failure, and what can be done about it."""

from __future__ import annotations

from typing import ClassVar

from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.widget import Widget
from textual.widgets import Static

from tke_tui.log_sources import log_window
from tke_tui.messages import N_, _
from tke_tui.screens.dashboard_commands import DashboardCommands
from tke_tui.symbols import State
from tke_tui.ui_messages import ConnectionChanged, ViewChanged
from tke_tui.view_types import Changes, Forecast
from tke_tui.widgets.failure_card import FailureCard
from tke_tui.widgets.log_pane import LogPane
from tke_tui.widgets.run_summary import RunSummary, headline
from tke_tui.widgets.status_matrix import StatusMatrix
from tke_tui.widgets.step_list import StepList

TICK = 1.0
"""Seconds between two looks at the clock."""

MERGED = 32
"""With more machines than these the log pane shows the installer's log, and that of the machine under the cursor."""

FORETOLD_OFTEN = 5000
"""With more tasks than these the end is foretold once a second instead of with each change."""

SLIM = 76
"""Below this width steps and matrix are not shown side by side."""


class DashboardScreen(DashboardCommands):
    """What an engine does. Needs `app.attach`; until then it says that it waits."""

    CSS_PATH = "dashboard.tcss"
    AUTO_FOCUS = "#matrix"
    HELP = N_("""\
# Dashboard
The installation runs in a process of its own. Leaving this screen, closing the terminal or losing the connection does
not stop it: **d** detaches, `tke-tui attach` comes back.

**1**, **2**, **3** go to the panes, **z** makes the pane with the focus large, **l** opens the logs, **p** shows which
tasks decide when it ends. When something fails, the failure takes the place of the log: **r** tries again, **f** goes
to the next failure. **s** stops everything; `tke-tui --resume` goes on later.
""")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("back"), id="screen.back", show=False),
        Binding("r", "retry", N_("retry"), id="run.retry"),
        Binding("v", "result", N_("result"), id="run.result"),
        Binding("T", "take_over", N_("take over"), id="run.take-over"),
        Binding("l,L", "logs", N_("logs"), id="view.logs"),
        Binding("d", "detach", N_("detach"), id="run.detach"),
        Binding("z", "zoom", N_("zoom"), id="view.zoom"),
        Binding("s", "stop", N_("stop"), id="run.stop"),
        Binding("f", "next_failure", N_("next failure"), id="view.next-failure", show=False),
        Binding("a", "answer", N_("answer"), id="run.answer"),
        Binding("p", "path", N_("what decides the end"), id="view.path", show=False),
        Binding("1", "pane('steps')", N_("steps"), id="view.steps", show=False),
        Binding("2", "pane('matrix')", N_("machines and handlers"), id="view.matrix", show=False),
        Binding("3", "pane('lower')", N_("log or failure"), id="view.lower", show=False),
    ]

    notice = getters.query_one("#notice", Static)
    summary = getters.query_one("#summary", RunSummary)
    steps = getters.query_one("#steps", StepList)
    matrix = getters.query_one("#matrix", StatusMatrix)
    log_pane = getters.query_one("#log", LogPane)
    card = getters.query_one("#failure", FailureCard)

    def __init__(self) -> None:
        super().__init__()
        self._forecast = Forecast(None)
        self._foretold = 0.0
        self._log_of: tuple[str, ...] = ()
        self._large: Widget | None = None

    def again(self) -> DashboardScreen:
        return DashboardScreen()

    def body(self) -> ComposeResult:
        yield Static(id="notice", markup=False)
        yield RunSummary(id="summary")
        with Horizontal(id="upper"):
            yield StepList(id="steps", classes="pane")
            yield StatusMatrix(id="matrix", classes="pane")
        with Container(id="lower"):
            yield FailureCard(id="failure", classes="pane")
            yield LogPane(log_window(self.context.directory, [""]), id="log", classes="pane")

    def on_mount(self) -> None:
        self.steps.border_title = _("1 Steps")
        self.matrix.border_title = _("2 Machines and handlers")
        self.log_pane.border_title = _("3 Log")
        self.card.border_title = _("3 Failure")
        self.set_interval(TICK, self._tick)
        self._draw(None)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < SLIM, "-slim")

    # --- drawing ---------------------------------------------------------------------------------------------------

    @on(ConnectionChanged)
    def _connected(self) -> None:
        self._draw(None)

    @on(ViewChanged)
    def _changed(self, message: ViewChanged) -> None:
        self._draw(message.changes)
        if self.app.attached:
            self._look_for_the_end(live=message.changes is not None)

    def _draw(self, changes: Changes | None) -> None:
        if not self.app.attached:
            self.set_title(_("waiting for the engine"))
            return
        view, now = self.app.view, self.context.clock()
        everything = changes is None or changes.layout
        if everything or view.total < FORETOLD_OFTEN or now - self._foretold >= TICK:
            self._forecast, self._foretold = view.forecast(now), now
        with self.app.batch_update():
            if everything:
                if self.app.simulated:
                    self.matrix.border_title = _("2 SIMULATED machines and handlers")
                self.matrix.show(view.rows, view.handlers, view.cell, now)
                self._choose_log()
            elif changes is not None and changes.cells:
                self.matrix.update_cells(changes.cells, view.cell, now)
            if everything or (changes is not None and changes.steps):
                self.steps.show(view.steps, now, self._forecast)
            if everything or (changes is not None and changes.failures):
                self._show_failures()
            self._show_head(now)
        self._look_for_questions()

    def _tick(self) -> None:
        if not self.app.attached or not self.is_active:
            return
        view, now = self.app.view, self.context.clock()
        if view.ended or not view.engine_alive:
            return
        self._forecast, self._foretold = view.forecast(now), now
        self.steps.show(view.steps, now, self._forecast)
        self.matrix.tick(now)
        self._show_head(now)

    def _show_head(self, now: float) -> None:
        view = self.app.view
        self.set_title(headline(view, now), self._who())
        self.summary.show(view, self._forecast)
        self._show_notice()

    def _show_notice(self) -> None:
        text = self._notice_text()
        if text != self._said:
            self._said = text
            self.notice.update(text)
            self.notice.set_class(bool(text), "-shown")
            self.refresh_bindings()

    def _choose_log(self) -> None:
        """The logs of all machines together, or of the one under the cursor when they are many."""
        nodes = self.app.view.nodes
        names = ("", *nodes) if len(nodes) <= MERGED else (self.matrix.node,)
        if names == self._log_of:
            return
        self._log_of = names
        self.log_pane.use(log_window(self.context.directory, names))
        what = _("all machines") if len(names) > 1 else names[0] or _("installer")
        self.log_pane.border_title = _("3 Log  {what}").format(what=what)

    def _show_failures(self) -> None:
        failures = self.app.view.failures
        known = [failure.task for failure in failures]
        if self._failure not in known:
            self._failure = known[0] if known else ""
        if failures:
            self.card.show(failures[known.index(self._failure)], failures)
        elif self.card.has_focus:
            self.matrix.focus()
        elif not self.matrix.has_focus:
            # It was shown where the failure was.
            self.matrix.action_follow()
        self.set_class(bool(failures), "-with-failure")
        self.refresh_bindings()

    # --- moving about ----------------------------------------------------------------------------------------------

    def action_pane(self, name: str) -> None:
        """Go to a pane; `lower` is the log or the failure, whichever is there."""
        pane = self._lower if name == "lower" else self.query_one(f"#{name}")
        self.set_class(name == "steps", "-steps-first")
        if self._large is not None:
            self._enlarge(pane)
        pane.focus()

    @property
    def _lower(self) -> Widget:
        return self.card if self.has_class("-with-failure") else self.log_pane

    def _focused_pane(self) -> Widget | None:
        return next((pane for pane in self.query(".pane") if pane.has_focus_within or pane.has_focus), None)

    def action_zoom(self) -> None:
        """Make the pane with the focus large, or all as they were."""
        self._enlarge(None if self._large is not None else self._focused_pane())

    def _enlarge(self, pane: Widget | None) -> None:
        self._large = pane
        self.set_class(pane is not None, "-zoomed")
        for each in self.query(".pane"):
            each.set_class(each is pane, "-large")
        for name in ("#upper", "#lower"):
            part = self.query_one(name)
            part.set_class(pane is not None and pane not in part.children, "-empty")

    def action_back(self) -> None:
        if self._large is not None:
            self._enlarge(None)
        else:
            super().action_back()

    def action_next_failure(self) -> None:
        failures = [failure.task for failure in self.app.view.failures] if self.app.attached else []
        if not failures:
            self.notify(_("Nothing has failed."), markup=False)
            return
        here = failures.index(self._failure) if self._failure in failures else -1
        self.show_failure(failures[(here + 1) % len(failures)])

    def show_failure(self, task: str) -> None:
        """Show a failure on the card, and where it is."""
        self._failure = task
        place, cell = self.app.view.place(task), self.app.view.task(task)
        if place is not None:
            self.matrix.go_to(*place)
        if cell is not None:
            self.steps.select(self.app.view.steps[cell.step].name)
        self._show_failures()

    @on(StatusMatrix.CellHighlighted)
    def _cell_highlighted(self, message: StatusMatrix.CellHighlighted) -> None:
        cell = self.app.view.task(message.task)
        if cell is not None and cell.state is State.FAILED:
            self._failure = message.task
            self._show_failures()
        self._choose_log()

    @on(StatusMatrix.CellSelected)
    def _cell_selected(self, message: StatusMatrix.CellSelected) -> None:
        self.open_task(message.task)

    @on(FailureCard.FailureShown)
    def _failure_turned(self, message: FailureCard.FailureShown) -> None:
        self.show_failure(message.task)

    @on(StepList.StepSelected)
    def _step_selected(self, message: StepList.StepSelected) -> None:
        self.open_step(message.name)

    def action_logs(self) -> None:
        matrix_has_it = self._focused_pane() is self.matrix and bool(self.matrix.node)
        self.open_logs(self.matrix.node if matrix_has_it else None)

    def action_path(self) -> None:
        from tke_tui.screens.path import PathModal

        if self.app.attached:
            self.app.push_screen(PathModal())

    @property
    def is_reading(self) -> bool:
        return self._large is not None or self._focused_pane() is self.log_pane

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.may(action)

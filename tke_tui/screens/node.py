"""One machine: what is known of it, what is done on it, what it wrote."""

from __future__ import annotations

from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from tke_tui.core.errors import TkeError
from tke_tui.core.state import name_and_node
from tke_tui.failure_groups import grouped
from tke_tui.log_sources import log_window
from tke_tui.machine_facts import MachineFacts, facts_of, login_words
from tke_tui.messages import N_, _
from tke_tui.node_view import state_of
from tke_tui.saved_machine import saved_machine
from tke_tui.screens.failure_actions import FailureActions
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.ui_messages import ViewChanged
from tke_tui.view_types import AT_WORK, ENDED, Cell
from tke_tui.widgets.failure_card import FailureCard
from tke_tui.widgets.log_pane import LogPane
from tke_tui.widgets.task_list import TaskList

TICK = 1.0
"""Seconds between two looks at the clock."""
CHECKS = 2
"""Doubtful findings of the checks that are shown."""


class NodeScreen(FailureActions):
    """`node` is the machine's address, "" shows what is done once for the cluster."""

    CSS_PATH = "node.tcss"
    AUTO_FOCUS = "TaskList"
    HELP = N_(
        "# One machine\n"
        "Its system as the checks found it, every task on it with its state and time, and its log. When the task under "
        "the cursor has failed, the failure takes the place of the log. **!** opens a shell on the machine, **e** "
        "changes how to log in to it, **l** shows its log on a whole screen, **[** and **]** go to the other machines."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,L", "logs", N_("log"), id="node.logs"),
        Binding("exclamation_mark", "shell", N_("shell"), id="node.shell"),
        Binding("e", "login", N_("fix login"), id="node.login", show=False),
        Binding("left_square_bracket", "turn(-1)", N_("machine before"), id="node.previous", show=False),
        Binding("right_square_bracket", "turn(1)", N_("next machine"), id="node.next", show=False),
    ]

    tasks = getters.query_one(TaskList)
    card = getters.query_one(FailureCard)
    log_pane = getters.query_one(LogPane)

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        self._facts = MachineFacts()
        self._login = ""

    def again(self) -> NodeScreen:
        return NodeScreen(self.node)

    def body(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield TaskList(classes="pane")
        with Container(id="lower"):
            yield LogPane(log_window(self.context.directory, [self.node]), classes="pane")
            yield FailureCard(classes="pane")

    def on_mount(self) -> None:
        self.tasks.border_title = _("Tasks")
        self.card.border_title = _("Failure")
        self.log_pane.border_title = _("Log")
        self._learn()
        self.set_interval(TICK, self._tick)
        self._draw()

    def _learn(self) -> None:
        self._facts = facts_of(self.context.directory, self.node)
        try:
            self._login = login_words(saved_machine(self.context.directory, self.node)) if self.node else ""
        except TkeError:
            self._login = ""

    # --- drawing ---------------------------------------------------------------------------------------------------

    @on(ViewChanged)
    def _changed(self, message: ViewChanged) -> None:
        changes = message.changes
        if changes is None or changes.layout or any(name_and_node(t)[1] == self.node for t in changes.tasks):
            self._draw()
        elif changes.failures:
            self._show_failure()

    def _tick(self) -> None:
        if self.is_active and self.app.attached and self.app.view.engine_alive:
            cells = self.app.view.tasks_of_node(self.node)
            if any(cell.state in AT_WORK for cell in cells):
                self.tasks.show(cells, self.context.clock())

    def _draw(self) -> None:
        if not self.app.attached:
            return
        cells = self.app.view.tasks_of_node(self.node)
        self.set_title(harmless(self.node) or _("The cluster"))
        self.query_one("#facts", Static).update(self._facts_text(cells))
        self.tasks.show(cells, self.context.clock())
        self._show_failure()

    def _facts_text(self, cells: list[Cell]) -> Content:
        symbols = self.context.symbols
        separator = f" {symbols.separator} "
        state = state_of(cells)
        done = sum(cell.state in ENDED for cell in cells)
        count = _("{done} of {total} tasks done").format(done=done, total=len(cells))
        word = Content.styled(f"{symbols.glyph(state)} {symbols.word(state)}", symbols.style(state))
        lines = [Content.assemble(word, separator, count, *([separator, self._login] if self._login else []))]
        if self._facts.hardware:
            lines.append(Content.styled(harmless(separator.join(self._facts.hardware)), "$text-muted"))
        for check in self._facts.checks[:CHECKS]:
            text = f"{check.name}: {check.message}" + (f". {check.fix}" if check.fix else "")
            failed = check.severity == "error"
            lines.append(Content.assemble(("! ", "$error" if failed else "$warning"), harmless(text)))
        return Content("\n").join(lines)

    @on(TaskList.TaskHighlighted)
    def _show_failure(self) -> None:
        """The failure of the task under the cursor in place of the log."""
        cell = self.tasks.selected
        failures = self.app.view.failures
        task = cell.task if cell is not None and cell.state is State.FAILED else ""
        failure = next((each for each in failures if each.task == task), None)
        if failure is None and self.card.has_focus:
            self.tasks.focus()
        self.set_class(failure is not None, "-with-failure")
        if failure is not None:
            same = next(group for group in grouped(failures) if failure in group.failures)
            self.card.show(failure, same.failures)

    # --- keys ------------------------------------------------------------------------------------------------------

    @on(TaskList.TaskSelected)
    def _open(self, message: TaskList.TaskSelected) -> None:
        from tke_tui.screens.task import TaskScreen

        self.app.push_screen(TaskScreen(message.task))

    def action_logs(self) -> None:
        from tke_tui.screens.logs import LogsScreen

        self.app.push_screen(LogsScreen(self.node))

    def action_shell(self) -> None:
        self.open_shell(self.node)

    def action_login(self) -> None:
        self.fix_login(self.node)

    def action_turn(self, by: int) -> None:
        """The next or the last machine of the installation."""
        nodes = list(self.app.view.nodes)
        if self.node in nodes and len(nodes) > 1:
            self.app.switch_screen(NodeScreen(nodes[(nodes.index(self.node) + by) % len(nodes)]))

"""One step: its tasks, what it waits for, and whether it decides when the installation ends."""

from __future__ import annotations

from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tke_tui.core.state import name_and_node
from tke_tui.messages import N_, _, n_
from tke_tui.screens.failure_actions import FailureActions
from tke_tui.state_words import about, clock_time, label
from tke_tui.symbols import State
from tke_tui.terminal import harmless
from tke_tui.ui_messages import ViewChanged
from tke_tui.view_types import AT_WORK, Cell, StepView
from tke_tui.widgets.failure_card import FailureCard
from tke_tui.widgets.task_list import TaskList

TICK = 1.0
"""Seconds between two looks at the clock."""
NAMED = 3
"""Tasks that are named where there may be many."""


class StepScreen(FailureActions):
    """`name` is the step's own name, not its title."""

    CSS_PATH = "step.tcss"
    AUTO_FOCUS = "TaskList"
    HELP = N_(
        "# One step\n"
        "Every task of the step with its state and time, what the step waits for, and whether the whole installation "
        "waits for it. When the task under the cursor has failed, the failure is shown below. **l** opens the log of "
        "the task under the cursor."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,L", "logs", N_("log"), id="step.logs"),
    ]

    tasks = getters.query_one(TaskList)
    card = getters.query_one(FailureCard)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.step_name = name

    def again(self) -> StepScreen:
        return StepScreen(self.step_name)

    def body(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield TaskList(with_node=True, classes="pane")
        yield FailureCard(classes="pane")

    def on_mount(self) -> None:
        self.tasks.border_title = _("Tasks")
        self.card.border_title = _("Failure")
        self.set_interval(TICK, self._tick)
        self._draw()

    # --- drawing ---------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> StepView | None:
        return next((step for step in self.app.view.steps if step.name == self.step_name), None)

    def _tick(self) -> None:
        if self.is_active and self.app.attached and self.app.view.engine_alive and not self.app.view.ended:
            self._draw()

    @on(ViewChanged)
    def _draw(self) -> None:
        if not self.app.attached:
            return
        step = self._step
        self.set_title(_("Step {name}").format(name=self.step_name))
        facts = self.query_one("#facts", Static)
        if step is None:
            facts.update(_("The plan of this installation does not have this step."))
            return
        cells = self.app.view.tasks_of_step(self.step_name)
        facts.update(Content("\n").join(self._facts(step, cells)))
        self.tasks.show(cells, self.context.clock())
        self._show_failure()

    def _facts(self, step: StepView, cells: list[Cell]) -> list[Content]:
        view, now, symbols = self.app.view, self.context.clock(), self.context.symbols
        separator = f" {symbols.separator} "
        facts = [f"{symbols.glyph(step.state)} {symbols.word(step.state)}"]
        if step.number:
            last = max(each.number for each in view.steps)
            facts.append(_("step {number} of {last}").format(number=step.number, last=last))
        if step.total > 1:
            facts.append(_("{done} of {total} tasks done").format(done=step.done, total=step.total))
        if step.elapsed(now):
            facts.append(clock_time(step.elapsed(now)))
        index = [each.name for each in view.steps].index(step.name)
        left = view.forecast(now).steps.get(index)
        if left is not None and step.state in AT_WORK:
            facts.append(_("{about} left").format(about=about(left)))
        lines = [Content.styled(_(step.title), "bold")]
        first, *rest = facts
        tail = separator + separator.join(rest) if rest else ""
        lines.append(Content.assemble((first, symbols.style(step.state)), tail))
        if step.note and step.state is State.LEFT_OUT:
            lines.append(Content(harmless(step.note)))
        lines += [*self._waiting(cells), *self._critical(cells)]
        return lines

    def _waiting(self, cells: list[Cell]) -> list[Content]:
        """What holds up the next task of the step that has not begun; tasks of the step itself do not count."""
        own = {cell.task for cell in cells}
        for cell in cells:
            if cell.state in (State.PENDING, State.BLOCKED):
                outside = [each.task for each in self.app.view.waits_for(cell.task) if each.task not in own]
                if outside:
                    return [Content.assemble((_("Waits for: "), "$text-muted"), _named(outside))]
                break
        return []

    def _critical(self, cells: list[Cell]) -> list[Content]:
        path = self.app.view.critical_path(self.context.clock())
        own = {cell.task for cell in cells} & set(path)
        if not own:
            return []
        first = [task for task in path if task in own]
        text = _("The end of the installation depends on it: {tasks}").format(tasks=_named(first))
        return [Content.styled(text, "$accent")]

    @on(TaskList.TaskHighlighted)
    def _show_failure(self) -> None:
        cell = self.tasks.selected
        failures = self.app.view.failures
        task = cell.task if cell is not None and cell.state is State.FAILED else ""
        failure = next((each for each in failures if each.task == task), None)
        if failure is None and self.card.has_focus:
            self.tasks.focus()
        self.set_class(failure is not None, "-with-failure")
        if failure is not None:
            self.card.show(failure, [each for each in failures if each.step == self.step_name])

    @on(FailureCard.FailureShown)
    def _turned(self, message: FailureCard.FailureShown) -> None:
        self.tasks.go_to(message.task)

    # --- keys ------------------------------------------------------------------------------------------------------

    @on(TaskList.TaskSelected)
    def _open(self, message: TaskList.TaskSelected) -> None:
        from tke_tui.screens.task import TaskScreen

        self.app.push_screen(TaskScreen(message.task))

    def action_logs(self) -> None:
        from tke_tui.screens.logs import LogsScreen

        cell = self.tasks.selected
        if cell is not None:
            self.app.push_screen(LogsScreen(name_and_node(cell.task)[1] or None, cell.task))


def _named(tasks: list[str]) -> str:
    names = ", ".join(label(task) for task in tasks[:NAMED])
    more = len(tasks) - NAMED
    if more <= 0:
        return names
    return n_("{names} and {count} more", "{names} and {count} more", more).format(names=names, count=more)
